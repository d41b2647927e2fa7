// Product pages, cart and checkout, and the events that they send.

import { addToCart, cartCount, cartLines, cartTotal, emptyCart, removeFromCart } from "./cart.js";
import { element, find, findAll, money } from "./dom.js";
import { track } from "./edgeseg_calls.js";
import { showThanks } from "./request_form.js";

function showCount() {
  const badge = find("[data-cart-count]");
  const count = cartCount();
  document.documentElement.toggleAttribute("data-cart", count > 0);
  document.documentElement.style.setProperty("--cart-lines", cartLines().length);
  badge.hidden = count === 0;
  badge.textContent = count;
  badge.setAttribute("aria-label", `${count} in the cart`);
}

function openProduct(page) {
  const { productId, name, category, price } = page.dataset;
  const product = { product_id: productId, name, category, price: Number(price) };
  track("product_viewed", product);
  find("[data-add-to-cart]", page).addEventListener("click", () => {
    addToCart(product);
    track("product_added", { ...product, quantity: 1 });
    find("[data-added]", page).textContent = `${name} is in your cart.`;
    find("[data-after-add]", page).hidden = false;
    showCount();
  });
}

function cartLine(line, currency, redraw) {
  const remove = () => {
    removeFromCart(line.product_id);
    track("product_removed", { product_id: line.product_id, name: line.name });
    redraw();
    find(".cart-remove, [data-cart-empty]:not([hidden]) a").focus();
  };
  return element(
    "li",
    { class: "cart-line" },
    element(
      "span",
      {},
      element("a", { href: `/shop/${line.product_id}` }, line.name),
      element("small", {}, line.quantity > 1 ? `${line.quantity} pieces` : line.category),
    ),
    element("span", { class: "cart-sum" }, money(line.price * line.quantity, currency)),
    element("button", { class: "cart-remove", type: "button", onclick: remove }, "Remove"),
  );
}

function showCart(page) {
  const { currency } = page.dataset;
  const redraw = () => showCart(page);
  const lines = cartLines();
  find("[data-cart-empty]", page).hidden = lines.length > 0;
  find("[data-cart-full]", page).hidden = lines.length === 0;
  find("[data-cart-lines]", page).replaceChildren(
    ...lines.map((line) => cartLine(line, currency, redraw)),
  );
  find("[data-cart-total]", page).textContent = money(cartTotal(), currency);
  showCount();
}

function openCheckout(page) {
  const { currency } = page.dataset;
  find("[data-place-order]", page).addEventListener("click", () => {
    const revenue = cartTotal();
    const order_id = `L-${Date.now().toString(36).toUpperCase()}`;
    const products = cartLines().map((line) => line.product_id);
    track("order_completed", { order_id, revenue, currency, "products.product_id": products });
    find("[data-order-id]", page).textContent = order_id;
    find("[data-order-total]", page).textContent = money(revenue, currency);
    emptyCart();
    showCount();
    showThanks(page);
  });
}

showCount();
findAll("[data-product-page]").forEach(openProduct);
findAll("[data-cart-page], [data-checkout]").forEach(showCart);
findAll("[data-checkout]").forEach(openCheckout);
