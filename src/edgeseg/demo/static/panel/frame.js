// Opening, closing and outlining; the panel remembers which.

import { find, keep, recall } from "../dom.js";

const page = document.documentElement;

export function openPanel(root) {
  const toggle = find("[data-panel-toggle]", root);
  const show = (state) => {
    page.dataset.panel = state;
    toggle.setAttribute("aria-expanded", state === "open");
  };
  show(page.dataset.panel);
  toggle.addEventListener("click", () => {
    show(page.dataset.panel === "open" ? "closed" : "open");
    try {
      localStorage.setItem("panel", page.dataset.panel);
    } catch {
      // storage is switched off: open for this page only
    }
  });
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && page.dataset.panel === "open") {
      toggle.click();
      toggle.focus();
    }
  });
  const outline = find("[data-outline]", root);
  outline.checked = recall("sessionStorage", "outline", false);
  page.toggleAttribute("data-outline", outline.checked);
  outline.addEventListener("change", () => {
    page.toggleAttribute("data-outline", outline.checked);
    keep("sessionStorage", "outline", outline.checked);
  });
}
