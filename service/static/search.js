// What scripts add to the search box: suggestions, and results as one types. Without them it is a plain form.

import { combobox } from "./combobox.js";
import { live } from "./live.js";

const form = document.querySelector("form.search");
if (form) {
  const input = form.elements.namedItem("q");
  const kinds = JSON.parse(form.dataset.kinds);
  const said = (name) => form.querySelector(`[data-said=${name}]`);

  async function find(typed, signal) {
    const address = `${form.dataset.suggest}?${new URLSearchParams({ q: typed })}`;
    try {
      const answer = await fetch(address, { signal });
      return answer.ok ? (await answer.json()).suggestions : [];
    } catch {
      return []; // one can search without
    }
  }

  function fill(option, found) {
    const text = document.createElement("span");
    text.lang = "vi";
    text.dir = "auto";
    text.textContent = found.text;
    const kind = document.createElement("small");
    kind.textContent = kinds[found.kind];
    option.append(text, " ", kind);
  }

  function choose(found) {
    if (found.id) {
      const address = new URL(form.dataset.article, location.href);
      address.pathname = address.pathname.replace(/-$/, encodeURIComponent(found.id));
      location.assign(address);
      return;
    }
    input.value = found.text;
    if (form.requestSubmit) form.requestSubmit();
    else form.submit();
  }

  function say(count) {
    const words = count === 0 ? form.dataset.none : count === 1 ? form.dataset.one : form.dataset.many;
    said("suggestions").textContent = words.replace("{number}", count);
  }

  combobox(input, { name: form.dataset.suggestions, find, fill, choose, say });
  if (document.body.matches(".home, .results")) {
    live(form, input, {
      say: (text) => (said("results").textContent = text),
      fail: (failed) => (form.querySelector(".trouble").textContent = failed ? form.dataset.failed : ""),
    });
  }
}
