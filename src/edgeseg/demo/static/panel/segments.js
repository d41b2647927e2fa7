// Segments as rows: those that hold, those that do not, and what has just changed.

import { element, find, keep, recall } from "../dom.js";
import { explanation } from "./explain.js";

const opened = new Set(); // ids whose reason is unfolded
const moves = () => !matchMedia("(prefers-reduced-motion: reduce)").matches;

function row(id, answer) {
  const name = answer.names?.[id] || id;
  const reasonId = `reason-${id}`;
  const button = element(
    "button",
    { class: "segment-why", type: "button", "aria-expanded": opened.has(id), "aria-controls": reasonId },
    element("span", { class: "segment-name" }, name),
    element("span", { class: "segment-ask" }, "Why?"),
  );
  const reason = explanation(answer.explain?.[id]);
  reason.id = reasonId;
  reason.hidden = !opened.has(id);
  button.addEventListener("click", () => {
    reason.hidden = !reason.hidden;
    button.setAttribute("aria-expanded", !reason.hidden);
    if (reason.hidden) opened.delete(id);
    else opened.add(id);
  });
  return element("li", { class: "segment", "data-id": id }, button, reason);
}

/** Which segments came and went since the last answer, on this page or the one before. */
function changes(answer) {
  const before = recall("sessionStorage", "segments", null);
  keep("sessionStorage", "segments", answer.segments);
  if (!before) return { joined: [], left: [] };
  return {
    joined: answer.segments.filter((id) => !before.includes(id)),
    left: before.filter((id) => !answer.segments.includes(id)),
  };
}

function newsText({ joined, left }, answer) {
  const names = (ids) => ids.map((id) => answer.names?.[id] || id).join(", ");
  const sentences = [];
  if (joined.length) sentences.push(`Joined ${names(joined)}`);
  if (left.length) sentences.push(`Left ${names(left)}`);
  return sentences.join(". ");
}

function showHeld(list, answer, { joined, left }) {
  const rows = answer.segments.map((id) => row(id, answer));
  for (const entered of rows) entered.classList.toggle("entering", joined.includes(entered.dataset.id));
  const leaving = moves() ? left.map((id) => row(id, answer)) : [];
  for (const gone of leaving) {
    gone.classList.add("leaving");
    gone.inert = true;
    gone.addEventListener("animationend", () => gone.remove());
  }
  const none = element("li", { class: "segments-none" }, "None for this page view.");
  list.replaceChildren(...(rows.length ? rows : [none]), ...leaving);
}

/** Draw both lists; answers what has changed, in words ("" for nothing). */
export function showSegments(root, answer) {
  const changed = changes(answer);
  showHeld(find("[data-held]", root), answer, changed);

  const others = Object.keys(answer.explain || {}).filter((id) => !answer.segments.includes(id));
  find("[data-others-box]", root).hidden = !others.length;
  find("[data-others]", root).replaceChildren(...others.map((id) => row(id, answer)));
  find("[data-others-count]", root).textContent = others.length;
  find("[data-held-count]", root).textContent = answer.segments.length;

  const text = newsText(changed, answer);
  const news = find("[data-news]", root);
  if (text) news.textContent = text;
  news.classList.toggle("fresh", !!text);
  return text;
}
