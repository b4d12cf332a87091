// Marks, in the other lists, the article that the pointer or the focus is on.

const places = [...document.querySelectorAll("[data-article]")];

function mark(event) {
  const here = event.target.closest("[data-article]");
  for (const place of places) {
    place.classList.toggle("same", here !== null && place.dataset.article === here.dataset.article);
  }
}

document.addEventListener("pointerover", mark);
document.addEventListener("focusin", mark);
