/** edgeseg.popups.js: loaded when a slot may open a popup, see popup_loader.ts. */

import type { SlotContent } from "../../edgeseg";
import { pageAddress } from "../page_address";
import type { Tools } from "../popup_loader";
import { isClosed, isOpen, open } from "./dialog";
import { watch } from "./triggers";

/** slot → what it waits to show, and how to stop waiting */
const armed: Record<string, { key: string; until: AbortController }> = {};

/** Wait for what opens a slot's popup; another content, or none, replaces what waits. */
export const arm = (slot: string, content: SlotContent, tools: Tools): void => {
  const { campaign, html, popup } = content;
  const key = popup && campaign && !isClosed(campaign) ? tools.address_ + html : "";
  if (armed[slot]?.key === key) return;
  armed[slot]?.until.abort();
  const until = new AbortController();
  armed[slot] = { key, until };
  if (!key) return;
  watch(popup!.trigger, until.signal, () => {
    // One at a time; and a router may have gone on, while no answer has come for the new page.
    if (isOpen() || tools.address_ !== pageAddress()) return;
    until.abort();
    open(slot, content, tools);
  });
};
