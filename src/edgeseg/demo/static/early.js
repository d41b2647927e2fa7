// Runs before the first paint, so that nothing jumps: was the panel open last time, is the tour on,
// what is in the cart?
(() => {
  const root = document.documentElement;
  const isWide = matchMedia("(min-width: 1100px)").matches;
  let remembered = null;
  try {
    remembered = localStorage.getItem("panel");
    root.toggleAttribute("data-tour", sessionStorage.getItem("tour") !== null);
    const lines = JSON.parse(sessionStorage.getItem("cart") || "[]").length;
    root.toggleAttribute("data-cart", lines > 0);
    root.style.setProperty("--cart-lines", lines);
  } catch {
    // storage is switched off: start from the default
  }
  // Open where there is room beside the page; on a phone it would cover each new page.
  root.dataset.panel = isWide ? remembered || "open" : "closed";
})();
