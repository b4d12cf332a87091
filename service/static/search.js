// What scripts add to the search box: suggestions, and results as one types. Without them it is a plain form.

import { combobox } from "./combobox.js";
import { live } from "./live.js";

const form = document.querySelector("form.search");
if (form) {
  const input = form.elements.namedItem("q");
  const kinds = JSON.parse(form.dataset.kinds);
  const said = region("status", "unseen");

  // What is put into it later is read out.
  function region(role, name) {
    const node = document.createElement("p");
    node.className = name;
    node.setAttribute("role", role);
    form.append(node);
    return node;
  }

  async function find(typed, signal) {
    const address = `${form.dataset.suggest}?${new URLSearchParams({ q: typed })}`;
    try {
      const answer = await fetch(address, { signal });
      return answer.ok ? (await answer.json()).suggestions : [];
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

  function choose(one) {
    if (one.id) {
      const address = new URL(form.dataset.article, location.href);
      address.pathname = address.pathname.replace(/-$/, encodeURIComponent(one.id));
      location.assign(address);
      return;
    }
    input.value = one.text;
    if (form.requestSubmit) form.requestSubmit();
    else form.submit();
  }

  function say(count) {
    const words = count === 0 ? form.dataset.none : count === 1 ? form.dataset.one : form.dataset.many;
    said.textContent = words.replace("{number}", count);
  }

  combobox(input, { name: form.dataset.suggestions, find, fill, choose, say });
  if (document.body.matches(".home, .results")) {
    const found = region("status", "unseen");
    const trouble = region("alert", "trouble");
    live(form, input, {
      say: (text) => (found.textContent = text),
      fail: (failed) => (trouble.textContent = failed ? form.dataset.failed : ""),
    });
  }
}
