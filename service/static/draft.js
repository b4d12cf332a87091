// The draft page as one types: takes what the server found out of the page that the form would lead to, and keeps the
// list that the editor makes. The draft is sent as the form sends it and is kept nowhere; its fields are never touched.

import { latest } from "./latest.js";
import { list } from "./list.js";

const PAUSE = 400;
const COMPOSING_PAUSE = 700;
const PASTED = 20;

const TEXTS = ["title", "lead", "body"];

const form = document.getElementById("draft");
const found = document.getElementById("found");
const answer = document.getElementById("answer");
const waiting = answer.querySelector(".waiting")?.cloneNode(true);
const said = region("status", "unseen");
const trouble = region("alert", "note");
const mine = list(found, answer, (text) => (said.textContent = text));
let shown = "";

// What is put into it later is read out.
function region(role, name) {
  const node = document.createElement("div");
  node.className = name;
  node.setAttribute("role", role);
  node.hidden = name === "note";
  found.prepend(node);
  return node;
}

const suggestions = latest(async (signal) => {
  if (!filled()) return clear();
  found.setAttribute("aria-busy", "true");
  try {
    const options = { method: "POST", body: new FormData(form), signal, cache: "no-store", headers: { Accept: "text/html" } };
    const text = await (await fetch(form.action, options)).text();
    if (!signal.aborted) show(new DOMParser().parseFromString(text, "text/html"));
  } catch {
    if (!signal.aborted) warn(document.createTextNode(found.dataset.failed));
  } finally {
    found.removeAttribute("aria-busy");
  }
});

function filled() {
  return TEXTS.some((name) => form.elements.namedItem(name).value.trim());
}

// So are fields that were filled before this script ran, by hand or by the browser from a page left and come back to.
function changed() {
  return TEXTS.some((name) => form.elements.namedItem(name).value !== form.elements.namedItem(name).defaultValue);
}

function clear() {
  shown = "";
  warn();
  answer.replaceChildren(...(waiting ? [waiting.cloneNode(true)] : []));
  mine.follow();
}

function show(page) {
  const made = page.getElementById("answer");
  if (!made) return warn(...(page.querySelector("h1")?.childNodes ?? [document.createTextNode(found.dataset.failed)]));
  take(page, "#draft input[name=csrf]", (old, now) => (old.value = now.value));
  for (const part of [".languages", ".account"]) take(page, part, (old, now) => old.replaceChildren(...now.childNodes));
  document.querySelector(".heading [data-trouble]")?.remove();
  const amiss = page.querySelector("[data-trouble]");
  warn(...(amiss?.childNodes ?? []));
  if (amiss) return;
  const focused = answer.contains(document.activeElement) ? document.activeElement.id : "";
  answer.replaceChildren(...made.childNodes);
  mine.follow();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  tell();
}

function take(page, selector, put) {
  const [old, now] = [document.querySelector(selector), page.querySelector(selector)];
  if (old && now) put(old, now);
}

function warn(...nodes) {
  trouble.replaceChildren(...nodes);
  trouble.hidden = !nodes.length;
}

// Says what is new alone.
function tell() {
  const hits = [...answer.querySelectorAll("[data-tick]")].map((box) => box.value);
  const published = [...answer.querySelectorAll("[data-published]")].map((node) => node.textContent);
  const now = JSON.stringify([hits, published]);
  if (now === shown) return;
  shown = now;
  const counted = { 0: found.dataset.saidNone, 1: found.dataset.saidOne }[hits.length] ?? found.dataset.saidMany;
  const words = [counted.replace("{number}", hits.length)];
  if (published.length) words.unshift(found.dataset.saidPublished.replace("{title}", () => published.join(", ")));
  said.textContent = words.join(" ");
}

form.addEventListener("input", (event) => {
  const pasted = event.inputType === "insertFromPaste" || event.inputType === "insertFromDrop";
  suggestions.ask(pasted ? PASTED : event.isComposing ? COMPOSING_PAUSE : PAUSE);
});
form.addEventListener("compositionend", () => suggestions.ask(PAUSE));
// The buttons of the list are the list's; that of the other language leads to another page.
form.addEventListener("submit", (event) => {
  if (event.submitter?.hasAttribute("formaction") || !filled()) return suggestions.cancel();
  event.preventDefault();
  suggestions.ask(0);
});
if (changed()) suggestions.ask(PAUSE);
