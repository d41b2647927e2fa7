// Why a segment holds or not: the tree of its conditions.

import { element } from "../dom.js";
import { readable } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const TICK = "M3 8.5l3.2 3.2L13 4.8";
const CROSS = "M4 4l8 8M12 4l-8 8";

function mark(holds) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", holds ? "holds" : "does not hold");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", holds ? TICK : CROSS);
  svg.append(path);
  return svg;
}

const wording = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));

function comparison({ expected, found }) {
  const parts = [];
  if (expected != null && expected !== "") parts.push(`expected ${wording(expected)}`);
  if (found != null && found !== "") parts.push(`found ${wording(found)}`);
  return parts.length ? element("small", {}, readable(parts.join(" · "))) : null;
}

function branch(condition) {
  const children = condition.children || [];
  return element(
    "li",
    { class: condition.holds ? "holds" : false },
    element("div", {}, mark(condition.holds), element("span", {}, condition.text || ""), comparison(condition)),
    children.length ? element("ul", { class: "tree" }, ...children.map(branch)) : null,
  );
}

/** The smallest changes that would make it the other way round. */
function changes({ holds, flips }) {
  if (!flips?.length) return null;
  return element("p", {}, `It ${holds ? "would not" : "would"} hold if ${readable(flips.join(" and "))}.`);
}

/** The reason for one segment; plain text where there is no tree. */
export function explanation(reason) {
  const box = element("div", { class: "reason" });
  if (!reason) box.append(element("p", {}, "The answer came without an explanation."));
  else if (reason.conditions) {
    box.append(element("ul", { class: "tree" }, branch(reason.conditions)));
    const flips = changes(reason);
    if (flips) box.append(flips);
  } else box.append(element("p", {}, reason.text || ""));
  return box;
}
