// Suggests titles in the box that opens an article's block. Without it the box is a plain form.

import { open, region, suggesting } from "./suggesting.js";

const form = document.getElementById("open");
const said = region(form, "status", "unseen");
suggesting(form, form.elements.namedItem("q"), said, (one) => open(form.dataset.article, one.id), (one) => Boolean(one.id));
