// Runs before the first paint, so that the panel does not jump: was it open last time?
(() => {
  const root = document.documentElement;
  const isWide = matchMedia("(min-width: 1100px)").matches;
  let remembered = null;
  try {
    remembered = localStorage.getItem("panel");
  } catch {
    // storage is switched off: start from the default
  }
  // By default open where there is room beside the page; on a phone it would cover it.
  root.dataset.panel = remembered || (isWide ? "open" : "closed");
})();
