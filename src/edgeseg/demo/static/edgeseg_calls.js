// How this site speaks to the snippet, whether or not it has loaded yet.

import { keep, recall } from "./dom.js";

const REFUSED = "refused"; // edgeseg keeps nothing of who refuses: the tab itself remembers that

window.edgeseg = window.edgeseg || [];
const push = (...call) => window.edgeseg.push(call);

export const track = (name, properties) => push("track", name, properties);
export function setMarketing(marketing) {
  keep("sessionStorage", REFUSED, marketing ? null : true);
  push("consent", { marketing });
}
/** Settles when the visitor is forgotten. */
export async function forgetMe() {
  keep("sessionStorage", REFUSED, null);
  await fetch("/v1/me", { method: "DELETE" });
  push("page");
}
export const onAnswer = (listener) => push("on", "answer", listener);
export const onError = (listener) => push("on", "error", listener);

/** true: granted, false: refused, undefined: not decided. */
export function marketingConsent(answer) {
  if (answer.visitor) return true;
  return recall("sessionStorage", REFUSED, false) ? false : undefined;
}
