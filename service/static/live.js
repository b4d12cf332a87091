// Search as one types: puts the main part of the results' own page, as the server made it, in the place of this one's.

import { latest } from "./latest.js";

const PAUSE = 250;
const COMPOSING_PAUSE = 500;
const LEAST = 2; // characters

/**
 * @param {HTMLFormElement} form
 * @param {HTMLInputElement} input
 * @param {{say: (text: string) => void, fail: (failed: boolean) => void}} how
 */
export function live(form, input, how) {
  let shown = here();
  let typing = false; // whether the newest entry of the history is of what is being typed

  const results = latest(async (signal, address, typed) => {
    const main = document.querySelector("main");
    main.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { signal, headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (signal.aborted) return;
      if (typed) remember(answer.url);
      show(page, typed);
      how.fail(false);
    } catch (error) {
      if (!signal.aborted) how.fail(true);
    } finally {
      main.removeAttribute("aria-busy");
    }
  });

  function remember(address) {
    if (typing) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    typing = true;
  }

  function show(page, typed) {
    const parts = ["main", ".languages", "[data-kept]"];
    if (!page.querySelector("main")) throw new Error("not a page");
    for (const part of parts) {
      const [old, made] = [document.querySelector(part), page.querySelector(part)];
      if (old && made) old.replaceChildren(...made.childNodes);
    }
    if (!typed) input.value = page.querySelector("#q")?.value ?? "";
    document.title = page.title;
    document.body.className = page.body.className;
    shown = here();
    how.say(document.querySelector("[data-range]")?.textContent.trim() ?? document.title);
  }

  function asked() {
    const address = new URL(form.action);
    address.search = new URLSearchParams(new FormData(form)).toString();
    return address.href;
  }

  function ask(event) {
    const address = asked();
    if (address === shown || input.value.trim().length < LEAST) return results.cancel();
    results.ask(event.isComposing ? COMPOSING_PAUSE : PAUSE, address, true);
  }

  // Browsers would add an entry to the history even for the address that they are at.
  function submit(event) {
    results.cancel();
    const address = asked();
    if (address === shown) {
      event.preventDefault();
      document.querySelector("main").focus({ preventScroll: true }); // a phone then takes its keyboard away
    } else if (typing) {
      event.preventDefault();
      location.replace(address);
    }
  }

  function follow() {
    typing = false;
    if (here() !== shown) results.ask(0, here(), false);
  }

  input.addEventListener("input", ask);
  input.addEventListener("compositionend", ask);
  input.addEventListener("blur", () => (typing = false));
  form.addEventListener("submit", submit);
  addEventListener("popstate", follow);
  addEventListener("pageshow", (event) => event.persisted && follow());
}

function here() {
  return location.href.split("#")[0];
}
