// An editable combobox with a list of suggestions (WAI-ARIA 1.2): the focus stays in the text, which only the reader
// changes. Keys that belong to an input method are left alone.

import { latest } from "./latest.js";

const PAUSE = 40;
const COMPOSING_PAUSE = 250; // an input method may still change the syllable; on phones, every word is composed

/**
 * @param {HTMLInputElement} input
 * @param {{name: string, find: (typed: string, signal: AbortSignal) => Promise<object[]>, fill: (option: HTMLElement,
 *   found: object) => void, choose: (found: object) => void, say: (count: number) => void}} how
 */
export function combobox(input, how) {
  const list = document.createElement("ul");
  let found = [];
  let active = -1;

  list.id = `${input.id}-suggestions`;
  list.className = "suggestions";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", how.name);
  input.after(list);
  input.autocomplete = "off";
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");

  const suggestions = latest(async (signal) => {
    const typed = input.value;
    const answer = typed.trim() ? await how.find(typed, signal) : [];
    if (signal.aborted || document.activeElement !== input) return;
    show(answer);
    if (typed.trim()) how.say(answer.length);
  });

  function show(answer) {
    found = answer;
    list.replaceChildren(...answer.map(option));
    list.scrollTop = 0;
    list.hidden = answer.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    activate(-1);
  }

  function option(one, at) {
    const node = document.createElement("li");
    node.id = `${list.id}-${at}`;
    node.setAttribute("role", "option");
    node.setAttribute("aria-selected", "false");
    how.fill(node, one);
    return node;
  }

  function activate(at) {
    list.children[active]?.setAttribute("aria-selected", "false");
    active = at;
    const node = list.children[at];
    if (node) {
      node.setAttribute("aria-selected", "true");
      node.scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", node.id);
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  function close() {
    suggestions.cancel();
    show([]);
  }

  function choose(at) {
    const one = found[at];
    close();
    how.choose(one);
  }

  // Past either end lies the text itself, which is the place -1.
  function step(by) {
    suggestions.cancel(); // what the reader chooses from stays as it is
    const places = found.length + 1;
    activate(((active + 1 + by + places) % places) - 1);
  }

  const keys = {
    ArrowDown: () => (list.hidden ? suggestions.ask(0) : step(1)),
    ArrowUp: () => (list.hidden ? suggestions.ask(0) : step(-1)),
    Home: () => active >= 0 && activate(0),
    End: () => active >= 0 && activate(found.length - 1),
    Enter: () => active >= 0 && choose(active),
    Escape: () => !list.hidden && close(),
  };

  input.addEventListener("keydown", (event) => {
    const composing = event.isComposing || event.keyCode === 229; // some browsers tell it by the code alone
    if (composing || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key in keys && keys[event.key]() !== false) event.preventDefault();
  });
  input.addEventListener("input", (event) => suggestions.ask(event.isComposing ? COMPOSING_PAUSE : PAUSE));
  input.addEventListener("compositionend", () => suggestions.ask(PAUSE));
  input.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the text
  list.addEventListener("click", (event) => {
    const node = event.target.closest("[role=option]");
    if (node) choose([...list.children].indexOf(node));
  });
  input.form.addEventListener("submit", close);
  return { close };
}
