// Keeps the parts of a page that are marked data-live as the server has them now: asks for the page again while it is
// seen, and says so where that fails. A part that is being used by keyboard stays as it is.

const EVERY = 2000; // milliseconds
const SLOWEST = 30000;

const stale = document.querySelector("[data-stale]");
let wait = EVERY;
let timer;
let asking;

async function refresh() {
  const own = (asking = new AbortController());
  try {
    const answer = await fetch(location.href, { signal: own.signal, headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.status); // signed out, say
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    wait = EVERY;
    stale.hidden = true;
  } catch {
    if (own.signal.aborted) return;
    wait = Math.min(2 * wait, SLOWEST);
    stale.hidden = false;
  }
  next();
}

function show(page) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const made = page.getElementById(part.id);
    if (!made || part.innerHTML === made.innerHTML || part.contains(document.activeElement)) continue;
    part.replaceChildren(...made.childNodes);
  }
}

function next() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(refresh, wait);
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  asking?.abort();
  if (!document.hidden) refresh();
});
next();
