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
/** Answers whether the visitor is forgotten: not while the store is away. */
export async function forgetMe() {
  const isForgotten = await fetch("/v1/me", { method: "DELETE" }).then(
    (answer) => answer.ok,
    () => false,
  );
  if (isForgotten) {
    keep("sessionStorage", REFUSED, null);
    push("page");
  }
  return isForgotten;
}
export const onAnswer = (listener) => push("on", "answer", listener);
export const onError = (listener) => push("on", "error", listener);

/** true: granted, false: refused, undefined: not decided. */
export function marketingConsent(answer) {
  if (answer.visitor) return true;
  return recall("sessionStorage", REFUSED, false) ? false : undefined;
}
