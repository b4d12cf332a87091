// What scripts add to the search box: suggestions, and results as one types. Without them it is a plain form.

import { live } from "./live.js";
import { open, region, suggesting } from "./suggesting.js";

const form = document.querySelector("form.search");
if (form) {
  const input = form.elements.namedItem("q");

  function choose(one) {
    if (one.id) {
      open(form, one.id);
      return;
    }
    input.value = one.text;
    if (form.requestSubmit) form.requestSubmit();
    else form.submit();
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
