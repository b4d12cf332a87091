// What scripts add to the search box: suggestions, and results as one types. Without them it is a plain form.

import { live } from "./live.js";
import { open, region, suggesting } from "./suggesting.js";

const form = document.querySelector("form.search");
if (form) {
  const input = form.elements.namedItem("q");

  function choose(one) {
    if (one.id) {
      open(form.dataset.article, one.id);
      return;
    }
    if (["section", "tag"].includes(one.kind) && mayBePage(one.text)) {
      open(form.dataset[one.kind], one.text);
      return;
    }
    input.value = one.text;
    if (form.requestSubmit) form.requestSubmit();
    else form.submit();
  }

  /** Whether a section or tag has a page: as service/reader/topics.py has it. */
  function mayBePage(name) {
    return ![".", ".."].includes(name) && [...name].length <= input.maxLength;
  }

  suggesting(form, input, region(form, "status", "unseen"), choose);
  if (document.body.matches(".home, .results")) {
    const found = region(form, "status", "unseen");
    const trouble = region(form, "alert", "trouble");
    live(form, input, {
      say: (text) => (found.textContent = text),
      fail: (failed) => (trouble.textContent = failed ? form.dataset.failed : ""),
    });
  }
}
