// The cart: lines of {product_id, name, category, price, quantity}, kept until the tab is closed.

import { keep, recall } from "./dom.js";

const NAME = "cart";

export const cartLines = () => recall("sessionStorage", NAME, []);
export const cartTotal = () => cartLines().reduce((sum, line) => sum + line.price * line.quantity, 0);
export const cartCount = () => cartLines().reduce((sum, line) => sum + line.quantity, 0);
export const emptyCart = () => keep("sessionStorage", NAME, null);

export function addToCart(product) {
  const lines = cartLines();
  const known = lines.find((line) => line.product_id === product.product_id);
  if (known) known.quantity += 1;
  else lines.push({ ...product, quantity: 1 });
  keep("sessionStorage", NAME, lines);
}

export function removeFromCart(productId) {
  keep("sessionStorage", NAME, cartLines().filter((line) => line.product_id !== productId));
}
