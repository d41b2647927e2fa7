/** Fill the page's slots; whatever happens, the original markup is what stays. */

import type { Answer, SlotContent, Timing } from "../edgeseg";
import { mark } from "./exposures";
import { listen } from "./happenings";
import { parse } from "./markup";
import { pageAddress } from "./page_address";
import { arm } from "./popup_loader";
import { addName, address } from "./service";

interface SlotElement extends HTMLElement {
  original_?: ChildNode[];
  html_?: string;
}

export let contents: Record<string, SlotContent> = {};
/** the address that the contents were decided for */
let decidedFor = "";

const place = (element: SlotElement): void => {
  const slot = element.dataset.edgesegSlot!;
  const content = contents[slot];
  // A content that holds its own slot would fill itself for ever.
  if (element.parentElement?.closest<HTMLElement>("[data-edgeseg-slot]")?.dataset.edgesegSlot === slot) return;
  addName(slot);
  // A router may have gone on: what was decided for the page before is not for this one.
  if (decidedFor !== pageAddress() || content?.kind !== "html") return;
  const original = (element.original_ ??= [...element.childNodes]);
  // Without a campaign the page's own markup is the better fallback.
  const html = content.campaign || !original[0] ? content.html : "";
  if (html !== (element.html_ ?? "")) {
    if (element.contains(document.activeElement)) return; // never take the focus away
    // Reserve the height that is there, so that shorter content moves nothing.
    element.style.minHeight = html && getComputedStyle(element).height;
    element.replaceChildren(...(html ? [parse(html)] : original));
    element.html_ = html;
  }
  mark(element, html ? content : {});
};

const fill = (): void => document.querySelectorAll<HTMLElement>("[data-edgeseg-slot]").forEach(place);

/** Show what an answer says, unless the visitor reads the original by now. */
const show = (answer: Answer, timing: Timing): void => {
  if (timing.late) return;
  contents = answer.slots;
  decidedFor = address;
  fill();
  for (const slot in contents) arm(slot, contents[slot]!);
};

export const watchSlots = (): void => {
  listen("answer", show);
  new MutationObserver(fill).observe(document, { childList: true, subtree: true });
  fill();
};
