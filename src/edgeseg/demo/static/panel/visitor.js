// Who edgeseg takes this to be, and what it may remember.

import { element, find, findAll } from "../dom.js";
import { shortId } from "./format.js";

const STATES = new Map([
  [true, "Marketing: granted"],
  [false, "Marketing: refused"],
  [undefined, "Marketing: not decided"],
]);

function visitorText(answer) {
  if (answer.visitor) {
    return [element("span", { class: "code", title: answer.visitor }, shortId(answer.visitor))];
  }
  const why = navigator.globalPrivacyControl
    ? "Your browser sends Global Privacy Control."
    : "Only this page view is looked at.";
  return ["Not remembered (no consent)", element("small", {}, why)];
}

export function showVisitor(root, answer, marketing) {
  find("[data-visitor]", root).replaceChildren(...visitorText(answer));
  find("[data-consent-state]", root).textContent = STATES.get(marketing);
  for (const button of findAll("[data-consent]", root)) {
    const isChosen = marketing === (button.dataset.consent === "yes");
    button.setAttribute("aria-pressed", marketing !== undefined && isChosen);
  }
}
