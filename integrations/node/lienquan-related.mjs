/*
 * Related articles of Lienquan in a page that Node makes. One file, Node 18 or newer, no package.
 *
 *     import { hits, html } from "./lienquan-related.mjs";
 *     page += html(await hits("https://lienquan.bao.example", "a-17"), { fallback: ownList });
 *
 * Nothing here throws, and nothing takes longer than it may: where the service is late, down or odd there are no hits,
 * and for ten seconds nobody asks it again.
 */

const MILLISECONDS = 300;
const REST = 10_000;
const MOST_BYTES = 1_000_000;
const ESCAPED = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Server -> until when it is not asked; of this process. */
const resting = new Map();

/**
 * Return the related articles of a published one: what the service says of each, those that can be linked.
 *
 * @param {string} server
 * @param {string} article Its id; its address will do if it starts with http.
 * @param {{limit?: number, milliseconds?: number}} how `milliseconds` is for the whole answer.
 * @returns {Promise<Array<Record<string, unknown>>>}
 */
export async function hits(server, article, { limit = 6, milliseconds = MILLISECONDS } = {}) {
  const now = performance.now();
  if (now < (resting.get(server) ?? 0)) return [];
  if (resting.has(server)) resting.set(server, now + REST); // one asks whether it is back, the others go on without
  const id = encodeURIComponent(wellFormed(article));
  const path = /^https?:\/\//i.test(article) ? `related?url=${id}&` : `articles/${id}/related?`;
  const found = await get(`${server.replace(/\/+$/, "")}/api/v1/${path}limit=${limit}`, milliseconds);
  if (!found) {
    resting.set(server, performance.now() + REST);
    return [];
  }
  resting.delete(server);
  return found.filter(canBeShown).slice(0, limit);
}

/**
 * Return hits as HTML, or the fallback where there are none; only the fallback is taken as HTML.
 *
 * @param {Array<Record<string, unknown>>} found
 * @param {{fallback?: string, heading?: string}} how
 */
export function html(found, { fallback = "", heading = "Bài liên quan" } = {}) {
  if (found.length === 0) return fallback;
  const said = escape(heading);
  const items = found.map(item).join("");
  return `<section class="lienquan" aria-label="${said}"><h2>${said}</h2><ul>${items}</ul></section>`;
}

function item({ title, url, section }) {
  const told = section && typeof section === "string" ? ` <span>${escape(section)}</span>` : "";
  return `<li><a href="${escape(url)}">${escape(title)}</a>${told}</li>`;
}

function escape(text) {
  return wellFormed(text).replace(/[&<>"']/g, (letter) => ESCAPED[letter]);
}

/** JSON may hold halves of letters. */
function wellFormed(text) {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

function canBeShown(hit) {
  const { title, url } = hit ?? {};
  return typeof title === "string" && title.trim() !== "" && typeof url === "string" && /^https?:\/\/\S+$/i.test(url);
}

/** Return the hits of an answer, none for an article that is not known, and null where the service did not answer. */
async function get(url, milliseconds) {
  try {
    const signal = AbortSignal.timeout(milliseconds);
    const answer = await fetch(url, { signal, redirect: "error", headers: { Accept: "application/json" } });
    const body = await read(answer, signal);
    if (answer.status === 404) return [];
    const found = answer.status === 200 ? JSON.parse(body)?.hits : null;
    return Array.isArray(found) ? found : null;
  } catch {
    return null;
  }
}

async function read(answer, signal) {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of answer.body) {
    signal.throwIfAborted();
    text += decoder.decode(piece, { stream: true });
    if (text.length > MOST_BYTES) throw new Error("too long");
  }
  return text + decoder.decode();
}
