/*
 * <lienquan-related article="ID" server="https://lienquan.bao.example">what is shown if nothing comes</lienquan-related>
 *
 * Related articles under a story, on any page. What stands between the tags stays wherever the service gives no list.
 * Its place is kept from the start, so that nothing on the page moves. docs/embedding.md has the attributes, the
 * variables and the parts. A script of its own: it imports nothing, and can be loaded with `defer` or as a module.
 */
(() => {
  const HEADING = { vi: "Bài liên quan", en: "Related articles" };
  const AHEAD = "600px"; // how far below the window the list is asked for
  const PATIENCE = 2000; // milliseconds for the whole answer
  const MOST = 50;
  const NAME_OF_FALLBACK = /^[a-z_]+$/; // other reasons are sentences
  const BASE = /^(.*)\/static\/[^/]+\/lienquan-related\.js/.exec(document.currentScript?.src)?.[1];

  const STYLE = `
    :host { display: flow-root; }
    :host([hidden]), .done slot, .kept .list, .kept .heading { display: none; }
    .block { display: grid; }
    .block > * { grid-column: 1; }
    .heading { grid-row: 1; margin: 0 0 0.6em; font-size: 1.25em; line-height: 1.3; }
    slot { display: block; grid-row: 1 / 3; }
    .list {
      grid-row: 2;
      display: grid;
      grid-template-columns: repeat(var(--lienquan-columns, 1), minmax(0, 1fr));
      gap: var(--lienquan-gap, 1em);
      margin: 0;
      padding: 0;
      list-style: none;
    }
    .waiting .list, .waiting .heading, .spare { visibility: hidden; }
    li { position: relative; display: flex; gap: 0.75em; min-width: 0; }
    .text { flex: 1; min-width: 0; }
    .picture {
      flex: none;
      align-self: start;
      width: var(--lienquan-picture, 6.5em);
      aspect-ratio: 3 / 2;
      overflow: hidden;
      background: color-mix(in srgb, currentColor 8%, transparent);
      border-radius: var(--lienquan-radius, 0);
    }
    img { display: block; width: 100%; height: 100%; object-fit: cover; }
    a {
      display: -webkit-box;
      -webkit-box-orient: vertical;
      -webkit-line-clamp: var(--lienquan-lines, 2);
      overflow: hidden;
      height: calc(var(--lienquan-lines, 2) * 1.4em);
      color: var(--lienquan-link, inherit);
      font-weight: var(--lienquan-weight, 600);
      line-height: 1.4;
      overflow-wrap: anywhere;
      text-decoration: none;
    }
    a::after { content: ""; position: absolute; inset: 0; }
    a:hover { text-decoration: underline; }
    a:focus-visible { outline: 2px solid var(--lienquan-focus, currentColor); outline-offset: 2px; }
    p {
      height: 1.5em;
      margin: 0.2em 0 0;
      overflow: hidden;
      color: var(--lienquan-muted, inherit);
      font-size: 0.85em;
      line-height: 1.5;
      text-overflow: ellipsis;
      white-space: nowrap;
    }
  `;

  let sheet; // made by script, which a page's Content-Security-Policy lets pass

  function make(tag, name, properties) {
    const node = Object.assign(document.createElement(tag), properties);
    if (name) {
      node.className = name;
      node.part = name.split(" ")[0];
    }
    return node;
  }

  function address(value) {
    try {
      const found = new URL(value);
      return /^https?:$/.test(found.protocol) ? found.href : "";
    } catch {
      return "";
    }
  }

  /** Return the hits of an answer that can be shown. */
  function shown(answer, limit) {
    const hits = Array.isArray(answer?.hits) ? answer.hits : [];
    const fit = (hit) => hit && typeof hit.title === "string" && hit.title.trim() && address(hit.url);
    return hits.map((hit, at) => fit(hit) && { ...hit, position: at + 1 }).filter(Boolean).slice(0, limit);
  }

  function day(moment, code) {
    const date = new Date(typeof moment === "string" ? moment : NaN);
    if (isNaN(date)) return "";
    const how = { day: "numeric", month: "numeric", year: "numeric", timeZone: "Asia/Ho_Chi_Minh" };
    return new Intl.DateTimeFormat(code === "en" ? "en-GB" : code, how).format(date);
  }

  class LienquanRelated extends HTMLElement {
    static observedAttributes = "article url server limit lang heading level pictures reasons".split(" ");

    #root = this.attachShadow({ mode: "open" });
    #block;
    #asking; // what aborts the request at hand
    #near; // watches how far away the window is
    #due = false;
    #token; // names the list where it is counted
    #seen; // watches which articles were seen
    #untold = [];
    #left = () => document.visibilityState === "hidden" && this.#count();

    connectedCallback() {
      document.addEventListener("visibilitychange", this.#left);
      this.#begin();
    }

    disconnectedCallback() {
      document.removeEventListener("visibilitychange", this.#left);
      this.#stop();
    }

    attributeChangedCallback() {
      if (!this.isConnected || this.#due) return;
      this.#due = true; // several may change at once
      queueMicrotask(() => {
        this.#due = false;
        if (this.isConnected) this.#begin();
      });
    }

    get #limit() {
      return Math.min(Math.max(parseInt(this.getAttribute("limit"), 10) || 6, 1), MOST);
    }

    get #code() {
      return this.closest("[lang]")?.lang.startsWith("en") ? "en" : "vi";
    }

    #stop() {
      this.#near?.disconnect();
      this.#asking?.abort();
      this.#asking = undefined;
      this.#seen?.disconnect();
      this.#count();
      this.#token = undefined;
    }

    #begin() {
      this.#stop();
      this.#draw();
      this.#near = new IntersectionObserver(
        (seen) => {
          if (!seen.some((one) => one.isIntersecting)) return;
          this.#near.disconnect();
          this.#load();
        },
        { rootMargin: AHEAD },
      );
      this.#near.observe(this);
    }

    /** Draw the list without its articles: it is as high as with them. */
    #draw() {
      if (!sheet) {
        sheet = new CSSStyleSheet();
        sheet.replaceSync(STYLE);
      }
      this.#root.adoptedStyleSheets = [sheet];
      const heading = this.getAttribute("heading") ?? HEADING[this.#code];
      this.#block = make("section", "block waiting");
      const level = /^[2-6]$/.exec(this.getAttribute("level"))?.[0] ?? 2;
      if (heading) this.#block.append(make(`h${level}`, "heading", { textContent: heading }));
      const list = make("ul", "list");
      list.setAttribute("role", "list"); // Safari takes it away with the bullets
      list.append(...Array.from({ length: this.#limit }, () => this.#item(null)));
      this.#block.append(list, document.createElement("slot"));
      this.#root.replaceChildren(this.#block);
    }

    #item(hit) {
      const item = make("li", "item");
      const text = make("div", "text");
      const link = make("a", "link", { dir: "auto", lang: "vi" });
      const meta = make("p", "meta", { dir: "auto" });
      text.append(link, meta);
      if (this.hasAttribute("pictures")) item.append(make("div", "picture"));
      item.append(text);
      if (this.hasAttribute("reasons")) text.append(make("p", "reason", { lang: "vi" }));
      if (hit) this.#fill(item, hit);
      else item.classList.add("spare");
      return item;
    }

    #fill(item, hit) {
      const link = item.querySelector("a");
      link.href = address(hit.url);
      link.textContent = hit.title;
      const told = [hit.section, day(hit.published_at, this.#code)].filter((one) => one && typeof one === "string");
      item.querySelector(".meta").textContent = told.join(" · ");
      const reason = item.querySelector(".reason");
      const why = Array.isArray(hit.reasons) ? hit.reasons[0] : null;
      if (reason && typeof why === "string" && !NAME_OF_FALLBACK.test(why)) reason.textContent = why;
      const source = address(hit.image_url);
      const picture = item.querySelector(".picture");
      if (!picture || !source) return;
      const image = make("img", "", { alt: "", loading: "lazy", decoding: "async", referrerPolicy: "no-referrer" });
      image.onerror = () => image.remove();
      image.src = source;
      picture.append(image);
    }

    get #server() {
      return (this.getAttribute("server") || BASE || "").replace(/\/+$/, "");
    }

    #asked() {
      const server = this.#server;
      const id = this.getAttribute("article");
      const url = this.getAttribute("url") || document.querySelector("link[rel=canonical]")?.href;
      if (!address(server) || !(id || url)) return "";
      const path = id ? `articles/${encodeURIComponent(id)}/related?` : `related?url=${encodeURIComponent(url)}&`;
      return `${server}/api/v1/${path}limit=${this.#limit}`;
    }

    async #load() {
      const asking = (this.#asking = new AbortController());
      const late = setTimeout(() => asking.abort(), parseInt(this.getAttribute("timeout"), 10) || PATIENCE);
      let hits = [];
      try {
        const asked = this.#asked();
        const how = { signal: asking.signal, credentials: "omit", referrerPolicy: "no-referrer", priority: "low" };
        const answer = asked ? await fetch(asked, how) : null;
        if (answer?.ok) {
          const found = await answer.json();
          hits = shown(found, this.#limit);
          this.#token = this.hasAttribute("clicks") && typeof found.list === "string" ? found.list : undefined;
        }
      } catch {
        // what was there stays
      }
      clearTimeout(late);
      if (asking === this.#asking && this.isConnected) this.#settle(hits);
    }

    /** Show the list, or leave what was there: without moving anything that is seen. */
    #settle(hits) {
      const place = this.getBoundingClientRect();
      const unseen = place.top >= innerHeight;
      const busy = this.matches(":hover, :focus-within") && this.childElementCount > 0; // a click must not go astray
      if (hits.length === 0 || busy) {
        if (unseen) this.#block.classList.replace("waiting", "kept");
        return this.#tell(0);
      }
      this.style.minHeight = unseen ? "" : `${place.height}px`;
      const list = this.#block.querySelector(".list");
      const places = [...list.children];
      hits.forEach((hit, at) => places[at].replaceWith(this.#item(hit)));
      if (unseen) places.slice(hits.length).forEach((place) => place.remove());
      this.#block.classList.replace("waiting", "done");
      this.#block.setAttribute("aria-label", this.getAttribute("heading") || HEADING[this.#code]);
      this.#tell(hits.length);
      if (this.#token) this.#watch(hits);
    }

    /** Tell the service which articles were seen, once each, and which was chosen: the list and places in it, no more. */
    #watch(hits) {
      const items = [...this.#block.querySelectorAll("li:not(.spare)")];
      const note = (changes) => {
        for (const { isIntersecting, target } of changes) {
          if (!isIntersecting) continue;
          this.#seen.unobserve(target);
          this.#untold.push(hits[items.indexOf(target)].position);
        }
      };
      this.#seen = new IntersectionObserver(note, { threshold: 0.5 });
      items.forEach((item, at) => {
        this.#seen.observe(item);
        const chosen = (event) => event.button < 2 && this.#count(hits[at].position);
        item.querySelector("a").addEventListener("click", chosen);
        item.querySelector("a").addEventListener("auxclick", chosen);
      });
    }

    #count(clicked) {
      if (!this.#token || (!clicked && this.#untold.length === 0)) return;
      const event = { list: this.#token, shown: this.#untold.splice(0), clicked };
      navigator.sendBeacon(`${this.#server}/api/v1/clicks`, JSON.stringify({ events: [event] }));
    }

    #tell(count) {
      this.dispatchEvent(new CustomEvent("lienquan", { bubbles: true, composed: true, detail: { count } }));
    }
  }

  if (!customElements.get("lienquan-related")) customElements.define("lienquan-related", LienquanRelated);
})();
