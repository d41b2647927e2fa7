// "Be someone else": the site's server makes the visitor; the cart is this browser's own.

import { findAll, keep } from "./dom.js";

function prepare({ submitter }) {
  const lines = JSON.parse(submitter.dataset.cart);
  keep("sessionStorage", "cart", lines.length ? lines : null);
  keep("sessionStorage", "refused", null);
  keep("sessionStorage", "segments", null);
}

for (const form of findAll("[data-personas]")) form.addEventListener("submit", prepare);
