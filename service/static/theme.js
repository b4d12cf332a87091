// Light or dark: as the system has it, unless the reader chose otherwise here before. Runs before anything is drawn.

(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // the browser keeps nothing for this site
    }
  }

  function remember(theme) {
    try {
      if (theme) localStorage.setItem("theme", theme);
      else localStorage.removeItem("theme");
    } catch {
      // then it holds for this page
    }
  }

  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  }

  function show(theme) {
    if (theme === "dark" || theme === "light") root.dataset.theme = theme;
    else delete root.dataset.theme;
    document.querySelector("[data-theme-switch]")?.setAttribute("aria-pressed", String(isDark()));
  }

  root.dataset.scripted = "";
  show(chosen());
  document.addEventListener("DOMContentLoaded", () => show(root.dataset.theme));
  system.addEventListener?.("change", () => show(root.dataset.theme));
  addEventListener("storage", (event) => event.key === "theme" && show(event.newValue));
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const theme = isDark() ? "light" : "dark";
    const own = (theme === "dark") !== system.matches;
    remember(own ? theme : null);
    show(own ? theme : null);
  });
})();
