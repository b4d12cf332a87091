"""What a reader waits for in a browser: suggestions after the last key, results as one types, pages that do not jump.

Drives Chromium against the product's own gunicorn over the items of `rss`. The time is the page's own: from the key's
event to the first frame after the list of what was typed in full was there. One key follows another as a fast typist's
do; the pauses of the page itself are within the time.
"""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import common, serving

QUERY = "bao hiem xa hoi"
ROUNDS, WARM = 60, 5
KEY_MS = 90
WORKERS = 1
PATHS, OPENED = 20, 3
PAN_SECONDS = 4
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

_WATCH = """([query]) => {
    const input = document.querySelector("#q"), list = document.querySelector("[role=listbox]");
    window.waited = {};
    let pressed;
    input.addEventListener("keydown", () => pressed = performance.now(), true);
    const note = (name, ready) => {
        if (input.value !== query || !ready() || window.waited[name]) return;
        window.waited[name] = -1;
        requestAnimationFrame(() => setTimeout(() => window.waited[name] = performance.now() - pressed));
    };
    // A list for fewer letters may still be shown when the last key is pressed: only one made after it counts.
    new MutationObserver(() => note("suggestions", () => !list.hidden)).observe(list, {childList: true});
    new MutationObserver(() => note("results", () => document.title.startsWith(query + " ")))
        .observe(document.querySelector("title"), {childList: true, characterData: true, subtree: true});
}"""

_LOADED = """() => new Promise(done => {
    let shifted = 0, longest = 0, long = 0;
    new PerformanceObserver(list => list.getEntries().forEach(one => shifted += one.hadRecentInput ? 0 : one.value))
        .observe({type: "layout-shift", buffered: true});
    new PerformanceObserver(list => list.getEntries().forEach(one => {
        long += 1;
        longest = Math.max(longest, one.duration);
    })).observe({type: "longtask", buffered: true});
    setTimeout(() => done([shifted, long, longest]), 300);
})"""


def typed(page: Page, address: str) -> dict[str, float]:
    """Type the query on the home page and return the milliseconds from its last key to what is shown, by name."""
    page.goto(address, wait_until="networkidle")
    page.evaluate(_WATCH, [QUERY])
    page.locator("#q").press_sequentially(QUERY, delay=KEY_MS)
    page.wait_for_function("() => window.waited.suggestions > 0 && window.waited.results > 0")
    waited: dict[str, float] = page.evaluate("window.waited")
    return waited


def loaded(browser: Browser, address: str, path: str) -> dict[str, float]:
    """Open a page with nothing kept, and return its layout shift, long tasks, and bytes without pictures."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="vi-VN")
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(address + path, wait_until="networkidle")
    shifted, long, longest = page.evaluate(_LOADED)
    context.close()
    return {"shift": shifted, "long_tasks": long, "longest_ms": longest, "bytes": sum(sizes)}


_PANNED = """(seconds) => new Promise(done => {
    const canvas = document.querySelector(".map canvas"), box = canvas.getBoundingClientRect();
    const send = (type, x, y) => canvas.dispatchEvent(new PointerEvent(
        type, {pointerId: 1, clientX: box.left + x, clientY: box.top + y, bubbles: true}));
    canvas.setPointerCapture = () => {};  // there is no such pointer
    send("pointerdown", 300, 200);
    const times = [];
    const frame = now => {
        times.push(now);
        send("pointermove", 300 + 100 * Math.sin(times.length / 20), 200 + 60 * Math.cos(times.length / 20));
        if (now - times[0] < 1000 * seconds) return requestAnimationFrame(frame);
        send("pointerup", 300, 200);
        const gaps = times.slice(1).map((time, at) => time - times[at]).sort((a, b) => a - b);
        done([1000 * gaps.length / (now - times[0]), gaps[Math.floor(0.95 * gaps.length)]]);
    };
    requestAnimationFrame(frame);
})"""


def panned(browser: Browser, address: str) -> dict[str, float]:
    """Drag the map about for some seconds; return frames a second, the p95 of their gaps, and bytes of points."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="vi-VN")
    with page.expect_response("**/newsroom/map/points*") as answer:
        page.goto(address + "/newsroom/map", wait_until="networkidle")
    frames, gap = page.evaluate(_PANNED, PAN_SECONDS)
    size = len(answer.value.body())
    page.close()
    return {"frames_a_second": frames, "p95_gap_ms": gap, "bytes": size}


def quietest(browser: Browser, address: str, path: str) -> dict[str, float]:
    """Open a page a few times and return the figures of the time when the machine disturbed it least."""
    return min((loaded(browser, address, path) for _ in range(OPENED)), key=lambda page: page["longest_ms"])


def worst(pages: list[dict[str, float]]) -> dict[str, float]:
    """Return the worst of each figure."""
    return {name: max(page[name] for page in pages) for name in pages[0]}


def main() -> None:
    """Run and save."""
    with common.homes() as homes, sync_playwright() as playwright:
        home = serving.built(homes)
        archive = serving.opened(home)
        path = shutil.which("chromium") or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        ids = [article.id for article in archive.articles(np.arange(0, archive.count, archive.count // PATHS))]
        queries = serving.queries(archive, PATHS)
        with serving.server(serving.serving(home, WORKERS), "/readyz") as service:
            address = f"http://127.0.0.1:{service.port}"
            page = browser.new_page(locale="vi-VN")
            rounds = [typed(page, address) for _ in range(WARM + ROUNDS)][WARM:]
            kinds = {
                "search": worst([quietest(browser, address, f"/search?q={query}") for query in queries]),
                "article": worst([quietest(browser, address, f"/articles/{found}") for found in ids]),
            }
            drawn = panned(browser, address)
        browser.close()
    result: dict[str, Any] = {"articles": archive.count, "query": QUERY, "rounds": ROUNDS, "key_ms": KEY_MS}
    for name in ("suggestions", "results"):
        p50, p95 = np.percentile([one[name] for one in rounds], [50, 95])
        result[name] = {"p50_ms": float(p50), "p95_ms": float(p95)}
    common.save("browsing", result | {"pages": kinds, "opened": PATHS, "map": drawn})


if __name__ == "__main__":
    main()
