// The list that an editor makes of suggestions: ticked, moved, removed, copied. It lives in the page alone.

/**
 * @param {HTMLElement} found Holds the words to say, in its data, and the list.
 * @param {HTMLElement} answer Holds the suggestions, each with a box to tick and a template of its item in the list.
 * @param {(text: string) => void} say
 */
export function list(found, answer, say) {
  const section = document.getElementById("mine");
  const items = document.getElementById("mine-list");

  function item(id) {
    return [...items.children].find((one) => one.dataset.id === id);
  }

  function boxes() {
    return [...answer.querySelectorAll("[data-tick]")];
  }

  function template(box) {
    return box.closest("label").nextElementSibling.content.firstElementChild;
  }

  function title(one) {
    return one.querySelector("a").textContent;
  }

  function tell(name, one) {
    const place = [...items.children].indexOf(one) + 1;
    const values = { title: title(one), place, number: items.children.length };
    say(found.dataset[`said${name}`].replace(/\{(\w+)\}/g, (all, key) => values[key]));
  }

  // Brings all that depends on the list up to it: the boxes, how many there are, what is copied.
  function follow() {
    const all = [...items.children];
    for (const box of boxes()) {
      const word = box.nextElementSibling;
      box.checked = Boolean(item(box.value));
      box.disabled = false;
      box.removeAttribute("name"); // the list itself is sent
      word.textContent = box.checked ? word.dataset.in : word.dataset.out;
    }
    all.forEach((one, at) => {
      one.querySelector("[name=up]").setAttribute("aria-disabled", String(at === 0));
      one.querySelector("[name=down]").setAttribute("aria-disabled", String(at === all.length - 1));
    });
    const copied = all.length ? all : boxes().map(template);
    for (const area of section.querySelectorAll("textarea[data-format]")) {
      const { format, opening, between, closing } = area.dataset;
      area.value = opening + copied.map((one) => one.dataset[format]).join(between) + closing;
    }
    const count = answer.querySelector("[data-count]");
    if (count) count.textContent = found.dataset.mine.replace("{number}", all.length);
    document.getElementById("mine-empty").hidden = all.length > 0;
    document.getElementById("copies-of").textContent = all.length ? found.dataset.copiesMine : found.dataset.copiesAll;
    section.hidden = !copied.length;
  }

  function add(box) {
    const one = document.importNode(template(box), true);
    items.append(one);
    follow();
    tell("Added", one);
  }

  function drop(one) {
    const next = one.nextElementSibling ?? one.previousElementSibling;
    const within = one.contains(document.activeElement);
    one.remove();
    follow();
    tell("Dropped", one);
    if (within) (next?.querySelector("[name=drop]") ?? document.getElementById("mine-label")).focus();
  }

  // The neighbour is what moves, so that the focus stays where it is.
  function move(one, by) {
    const neighbour = by < 0 ? one.previousElementSibling : one.nextElementSibling;
    if (neighbour) by < 0 ? one.after(neighbour) : one.before(neighbour);
    follow();
    tell("Moved", one);
  }

  const doings = { up: (one) => move(one, -1), down: (one) => move(one, 1), drop };

  answer.addEventListener("change", (event) => {
    const box = event.target.closest("[data-tick]");
    if (!box) return;
    if (box.checked) add(box);
    else drop(item(box.value));
  });
  items.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    event.preventDefault();
    doings[button.name](button.closest(".mine-item"));
  });
  items.addEventListener("keydown", (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by || !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    move(event.target.closest(".mine-item"), by);
  });
  follow();
  return { follow };
}
