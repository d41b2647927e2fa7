// What the answer decided for the slots, how long it holds and what it cost.

import { element, find } from "../dom.js";
import { instantText, servedMs, tookText, untilText } from "./format.js";

const REASONS = {
  TARGETING_MATCH: "it is for you, on this page",
  SPLIT: "it is for you, on this page; the variant by share",
  DEFAULT: "no campaign applies",
  STALE: "from a recent copy",
  DISABLED: "switched off",
  ERROR: "could not be decided",
};

function slotRow(slot, decided, late) {
  const isFilled = !!decided.campaign;
  const state = isFilled ? (late ? "too late" : decided.kind === "popup" ? "waiting" : "filled") : "original";
  const why = decided.preview ? "a preview link asks for it" : REASONS[decided.reason] || decided.reason || "";
  const source = isFilled ? `${decided.campaign}, variant ${decided.variant}: ` : "";
  return element(
    "li",
    {},
    element("span", { class: "code" }, slot),
    element("span", { class: `slot-state ${isFilled && !late ? "filled" : ""}` }, state),
    element("small", { title: decided.reason }, source + why),
  );
}

export function showSlots(root, answer, call) {
  const rows = Object.entries(answer.slots || {}).map(([slot, decided]) => slotRow(slot, decided, call.late));
  find("[data-slots]", root).replaceChildren(...rows);
}

function fact(name, value, note) {
  return [
    element("dt", {}, name),
    element("dd", {}, value, note && element("small", {}, note)),
  ];
}

function validity(validUntil) {
  const atMs = Date.parse(validUntil);
  if (Number.isNaN(atMs)) return ["no limit in time"];
  return [instantText(atMs), untilText(atMs, Date.now())];
}

function took(call) {
  const served = servedMs();
  const there = `${tookText(call.took_ms)} in the browser`;
  return served === undefined ? fact("Took", there) : fact("Took", tookText(served), there);
}

function profile({ degraded, visitor, slots }) {
  if (!degraded) return visitor ? "read and updated" : "none";
  const isCopy = Object.values(slots || {}).some(({ reason }) => reason === "STALE");
  return isCopy ? "out of reach, a recent copy was read" : "not read, or not updated";
}

export function showFacts(root, answer, call) {
  find("[data-facts]", root).replaceChildren(
    ...fact("Valid until", ...validity(answer.valid_until)),
    ...took(call),
    ...fact("Rules", element("span", { class: "code" }, (answer.rules || "?").slice(0, 12))),
    ...fact("Profile", profile(answer)),
  );
}
