// What the archive suggests in a box: asked for as one types, and told apart by kind.

import { combobox } from "./combobox.js";

/**
 * @param {HTMLFormElement} form What suggestions are called, and where they are asked for, is in its data.
 * @param {HTMLInputElement} input
 * @param {HTMLElement} said What is put into it is read out.
 * @param {(found: object) => void} choose
 * @param {(found: object) => boolean} wanted
 */
export function suggesting(form, input, said, choose, wanted = () => true) {
  const kinds = JSON.parse(form.dataset.kinds);

  async function find(typed, signal) {
    const address = `${form.dataset.suggest}?${new URLSearchParams({ q: typed })}`;
    try {
      const answer = await fetch(address, { signal });
      return answer.ok ? (await answer.json()).suggestions.filter(wanted) : [];
    } catch {
      return []; // one can search without
    }
  }

  function fill(option, one) {
    const text = document.createElement("span");
    text.lang = "vi";
    text.dir = "auto";
    text.textContent = one.text;
    const kind = document.createElement("small");
    kind.textContent = kinds[one.kind];
    option.append(text, " ", kind);
  }

  function say(count) {
    const words = count === 0 ? form.dataset.none : count === 1 ? form.dataset.one : form.dataset.many;
    said.textContent = words.replace("{number}", count);
  }

  combobox(input, { name: form.dataset.suggestions, find, fill, choose, say });
}

/** Goes to the page of an article, a section or a tag, whose address the form knows but for the name at its end. */
export function open(known, name) {
  const address = new URL(known, location.href);
  address.pathname = address.pathname.replace(/-$/, () => encodeURIComponent(name));
  location.assign(address);
}

/** Adds what is read out whenever something is put into it. */
export function region(form, role, name) {
  const node = document.createElement("p");
  node.className = name;
  node.setAttribute("role", role);
  form.append(node);
  return node;
}
