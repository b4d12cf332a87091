// Judging with one key: each grade is sent by its form, and the page that comes back brings the figures up to date.
// Without this one judges by the same forms.

const places = [...document.querySelectorAll(".pool > li")];
const alertBox = document.querySelector("[data-unsaved]");
const keys = document.querySelector("[data-keys]");
const undo = document.querySelector("form[data-undo]");
let here = -1;
let sending = Promise.resolve();
let pending = 0;

function go(at) {
  here = Math.max(0, Math.min(at, places.length - 1));
  places[here].focus({ preventScroll: true });
  places[here].scrollIntoView({ block: "nearest" });
}

function press(form, value) {
  for (const button of form.querySelectorAll("button[name=grade]")) {
    button.setAttribute("aria-pressed", String(button.value === value));
  }
}

/** Take the figures over from the page as the server has it now, and the grades once nothing more is on its way. */
function sync(page) {
  for (const node of document.querySelectorAll("[data-synced]")) {
    const fresh = page.querySelector(`[data-synced=${node.dataset.synced}]`);
    if (!fresh) throw new Error("another page came back");
    if (node.tagName === "PROGRESS") {
      node.value = fresh.value;
      node.setAttribute("aria-label", fresh.getAttribute("aria-label"));
    } else if (node.innerHTML !== fresh.innerHTML) {
      node.replaceChildren(...document.importNode(fresh, true).childNodes);
    }
  }
  if (pending > 0) return;
  for (const place of places) {
    const pressed = page.querySelector(`#${place.id} button[aria-pressed=true]`);
    press(place, pressed ? pressed.value : null);
  }
}

/** @param {() => void} takeBack Undoes what was shown before it was saved. */
function send(form, button, takeBack = () => {}) {
  const body = new URLSearchParams(new FormData(form));
  body.set(button.name, button.value);
  pending += 1;
  sending = sending.then(async () => {
    try {
      const answer = await fetch(form.action, { method: "POST", body }).finally(() => (pending -= 1));
      if (!answer.ok) throw new Error(answer.statusText);
      sync(new DOMParser().parseFromString(await answer.text(), "text/html"));
      alertBox.textContent = "";
    } catch {
      takeBack();
      alertBox.textContent = alertBox.dataset.unsaved;
    }
  });
}

function judge(form, button) {
  const at = places.indexOf(form.closest("li"));
  const before = form.querySelector("button[aria-pressed=true]")?.value;
  press(form, button.value);
  send(form, button, () => press(form, before));
  if (at < places.length - 1) go(at + 1);
}

const does = {
  j: () => go(here + 1),
  ArrowDown: () => go(here + 1),
  k: () => go(here - 1),
  ArrowUp: () => go(here - 1),
  u: () => send(undo, undo.querySelector("button")),
  "?": () => {
    keys.open = !keys.open;
    keys.querySelector("summary").focus();
  },
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input, textarea, select")) return;
  const button = here >= 0 && /^[0-3]$/.test(event.key) && places[here].querySelector(`button[value="${event.key}"]`);
  if (button) judge(button.form, button);
  else if (Object.hasOwn(does, event.key)) does[event.key]();
  else return;
  event.preventDefault();
}

if (places.length) {
  keys.hidden = false;
  document.addEventListener("keydown", pressed);
  for (const [at, place] of places.entries()) {
    place.addEventListener("focusin", () => (here = at));
  }
  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".grades, [data-undo]") || !event.submitter) return;
    event.preventDefault();
    if (event.target === undo) send(undo, event.submitter);
    else judge(event.target, event.submitter);
  });
  const first = places.findIndex((place) => !place.querySelector("button[aria-pressed=true]"));
  const named = places.findIndex((place) => `#${place.id}` === location.hash);
  here = named >= 0 ? named : Math.max(first, 0);
  if (named >= 0 || first > 0) go(here);
  else places[here].focus({ preventScroll: true });
}
