// The map of the archive: binds points, view and page together. How they are drawn is points.js's; what is asked
// of the server is read from the page's own data, and what it says of a search is the page's own HTML.

import { Points } from "./points.js";
import { View } from "./view.js";
import { latest } from "./latest.js";

const NEAR = 14; // pixels within which a point is meant
const BATCH = 24; // names asked for at once
const STEP = 60; // pixels that an arrow key moves

const map = document.querySelector(".map");
const canvas = map.querySelector("canvas");
const label = map.querySelector(".named");
const said = map.querySelector("[data-said]");
const stale = document.querySelector("[data-stale]");
const legend = document.getElementById("legend");
const known = new Map(); // row → what is told of it
let points;
let view;
let pointed = -1; // the point that is named now
let waiting = false;

async function start() {
  const answer = await fetch(map.dataset.points);
  if (!answer.ok || answer.redirected) throw new Error(answer.status);
  points = new Points(await answer.arrayBuffer(), canvas);
  map.hidden = false;
  document.getElementById("map-help").hidden = false;
  view = new View(canvas, { changed: redraw, tapped, hovered, left: () => name(-1) });
  new ResizeObserver(() => view.resize()).observe(canvas);
  for (const shown of legend.querySelectorAll("[hidden]")) shown.hidden = false;
  colours();
  light();
}

// One drawing a frame, however many events there are.
function redraw() {
  if (waiting || !points) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    points.draw(view);
    if (document.activeElement === canvas && view.keyed) name(points.nearest(view, ...view.middle(), Infinity));
    else place();
  });
}

function colours() {
  if (!points) return;
  const style = getComputedStyle(map);
  const marks = [...legend.querySelectorAll(".mark")];
  const drawn = marks.map((mark) => ({ colour: getComputedStyle(mark).fill, shape: mark.dataset.shape }));
  points.colours(style.backgroundColor, style.color, drawn);
  redraw();
}

// What is told of points

const names = latest(async (signal, at) => {
  const rows = points.around(at, BATCH).filter((row) => !known.has(row));
  const address = new URL(map.dataset.articles, location.href);
  for (const row of rows) address.searchParams.append("row", row);
  const answer = await fetch(address, { signal });
  if (answer.status === 409) return location.reload(); // another snapshot is served by now
  if (!answer.ok || answer.redirected) return fail();
  for (const one of (await answer.json()).articles) known.set(one.row, one);
  if (pointed === at) tell();
});

function fail() {
  stale.hidden = false;
}

function name(at) {
  if (at === pointed) return place();
  pointed = at;
  points.pointed = at;
  canvas.classList.toggle("pointing", at >= 0 && !view.keyed);
  if (at < 0) {
    names.cancel();
    label.hidden = true;
  } else if (known.has(points.rows[at])) tell();
  else names.ask(60, at);
  redraw();
}

function tell() {
  const one = known.get(points.rows[pointed]);
  if (!one) return;
  label.replaceChildren(Object.assign(document.createElement("strong"), { textContent: one.title }));
  const more = [one.section, one.when].filter(Boolean).join(" · ");
  if (more) label.append(document.createElement("br"), more);
  label.hidden = false;
  if (view.keyed) said.textContent = `${one.title}. ${more}`;
  place();
}

function place() {
  if (pointed < 0 || label.hidden) return;
  const [x, y] = view.onScreen(points.x[pointed], points.y[pointed]);
  const left = Math.max(4, Math.min(x + 12, canvas.clientWidth - label.offsetWidth - 4));
  const below = y + 16 + label.offsetHeight < canvas.clientHeight;
  label.style.transform = `translate(${left}px, ${below ? y + 14 : y - label.offsetHeight - 10}px)`;
}

async function open(at, apart) {
  if (at < 0) return;
  const row = points.rows[at];
  if (!known.has(row)) {
    const address = new URL(map.dataset.articles, location.href);
    address.searchParams.append("row", row);
    const answer = await fetch(address);
    if (answer.status === 409) return location.reload();
    for (const one of (await answer.json()).articles) known.set(one.row, one);
  }
  const one = known.get(row);
  if (one) apart ? window.open(one.href, "_blank", "noopener") : location.assign(one.href);
}

function hovered(x, y) {
  name(points.nearest(view, x, y, NEAR));
}

function tapped(x, y, event) {
  open(points.nearest(view, x, y, event.pointerType === "touch" ? 2 * NEAR : NEAR), event.ctrlKey || event.metaKey);
}

canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = {
    ArrowLeft: () => view.pan(STEP, 0),
    ArrowRight: () => view.pan(-STEP, 0),
    ArrowUp: () => view.pan(0, STEP),
    ArrowDown: () => view.pan(0, -STEP),
    "+": () => view.zoom(1.5),
    "=": () => view.zoom(1.5),
    "-": () => view.zoom(1 / 1.5),
    0: () => view.whole(),
    Enter: () => open(points.nearest(view, ...view.middle(), Infinity)),
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  view.keyed = true;
  keys[event.key]();
  redraw();
});
canvas.addEventListener("blur", () => {
  view.keyed = false;
  name(-1);
});

for (const button of map.querySelectorAll("[data-zoom]")) {
  const does = { in: () => view.zoom(1.5), out: () => view.zoom(1 / 1.5), whole: () => view.whole() };
  button.addEventListener("click", does[button.dataset.zoom]);
}

// Sections: shown or not, and all others faint while one is pointed at

function shown() {
  points.hidden = new Set([...legend.querySelectorAll("input:not(:checked)")].map((box) => Number(box.value)));
  redraw();
}

function alone(event) {
  const box = event.target.closest?.("li")?.querySelector("input");
  points.alone = box && (event.type === "pointerover" || event.type === "focusin") ? Number(box.value) : -1;
  redraw();
}

legend.addEventListener("change", shown);
for (const type of ["pointerover", "pointerout", "focusin", "focusout"]) legend.addEventListener(type, alone);
for (const button of legend.querySelectorAll("[data-all]")) {
  button.addEventListener("click", () => {
    for (const box of legend.querySelectorAll("input")) box.checked = button.dataset.all === "on";
    shown();
  });
}

// Searching: the page's own answer, of which only the list is put in place

function light() {
  points.light([...document.querySelectorAll("#found [data-row]")].map((item) => Number(item.dataset.row)));
  redraw();
}

const search = latest(async (signal, address) => {
  const answer = await fetch(address, { signal, headers: { Accept: "text/html" } });
  const made = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("found");
  if (signal.aborted) return;
  if (!made) return location.assign(address);
  const old = document.getElementById("found");
  old.replaceChildren(...made.childNodes);
  old.hidden = made.hidden;
  history.replaceState(null, "", address);
  light();
  said.textContent = old.querySelector("h2").textContent;
});

document.querySelector(".find").addEventListener("submit", (event) => {
  event.preventDefault();
  const address = new URL(event.target.action);
  address.search = new URLSearchParams(new FormData(event.target)).toString();
  search.ask(0, address.href);
});
document.getElementById("found").addEventListener("pointerover", (event) => {
  const item = event.target.closest("[data-row]");
  if (item) name(points.at(Number(item.dataset.row)));
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colours);
new MutationObserver(colours).observe(document.documentElement, { attributes: true });
start().catch(fail);
