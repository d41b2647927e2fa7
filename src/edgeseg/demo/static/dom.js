// Building blocks for the page: elements without innerHTML, money, things kept for the tab.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null && child !== false));
  return made;
}

export const find = (selector, within = document) => within.querySelector(selector);
export const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];

/** "1,240 €": as the pages themselves write it. */
export function money(amount, currency) {
  const number = amount.toFixed(Number.isInteger(amount) ? 0 : 2).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return `${number} ${currency === "EUR" ? "€" : currency}`;
}

/** Remember a value in `storage` ("localStorage" or "sessionStorage"); quietly not, if it is off. */
export function keep(storage, name, value) {
  try {
    if (value == null) window[storage].removeItem(name);
    else window[storage].setItem(name, JSON.stringify(value));
  } catch {
    // private window or storage switched off: the page works without
  }
}

export function recall(storage, name, otherwise) {
  try {
    return JSON.parse(window[storage].getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}
