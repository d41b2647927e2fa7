/** The popup itself: a labelled `<dialog>`, one at a time. */

import type { SlotContent } from "../../edgeseg";
import type { Tools } from "../popup_loader";
import { addStyle } from "./style";

/** Campaigns closed on this page: the service hears of it soon, and decides on later pages. */
const closed = new Set<string>();

export const isClosed = (campaign: string): boolean => closed.has(campaign);

export const isOpen = (): boolean => !!document.querySelector("dialog[open]");

const build = (slot: string, { html, popup }: SlotContent, tools: Tools): HTMLDialogElement => {
  const dialog = document.createElement("dialog");
  const box = document.createElement("div");
  const title = document.createElement("h2");
  const button = document.createElement("button");
  title.id = dialog.className = "edgeseg-popup";
  title.textContent = popup!.title;
  title.tabIndex = -1;
  button.type = "button";
  button.textContent = "×";
  button.ariaLabel = tools.settings_.close || "Close";
  button.dataset.edgesegClose = "";
  box.append(title, tools.parse_(html), button);
  dialog.dataset.edgesegSlot = slot;
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.append(box);
  return dialog;
};

/** Tell whether a click hit the page behind: a modal dialog gets those, too. */
const isBeside = ({ target, clientX: x, clientY: y }: MouseEvent, dialog: HTMLDialogElement): boolean => {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  // Controls within it are "clicked" by the keyboard at 0, 0.
  return target === dialog && (x < left || x > right || y < top || y > bottom);
};

/** Open it; a modal one takes the focus, any other leaves it where the visitor reads. */
export const open = (slot: string, content: SlotContent, tools: Tools): void => {
  const dialog = build(slot, content, tools);
  const until = new AbortController();
  let isDismissed = true;
  let cameFrom: HTMLElement | undefined;
  let beganBeside = false;

  dialog.addEventListener("mousedown", (event) => (beganBeside = isBeside(event, dialog)));
  dialog.addEventListener("click", (event) => {
    const pressed = (event.target as Element).closest("a,button,[type=submit]");
    if (pressed) isDismissed &&= pressed.matches("[data-edgeseg-close]");
    if (pressed ? pressed.matches("a,[data-edgeseg-close]") : beganBeside) dialog.close();
  });
  dialog.addEventListener("focusin", ({ relatedTarget }) => {
    cameFrom ??= relatedTarget as HTMLElement;
  });
  dialog.addEventListener("close", () => {
    const hadFocus = dialog.contains(document.activeElement) || document.activeElement === document.body;
    until.abort();
    closed.add(content.campaign!);
    dialog.remove();
    if (hadFocus) cameFrom?.focus();
    if (isDismissed) tools.expose_("dismissed", dialog);
  });
  addStyle();
  document.body.append(dialog);
  if (content.popup!.modal) {
    dialog.showModal();
    // Not its first link, which may be far down, or be pressed by who is typing.
    if (!(document.activeElement as HTMLElement).autofocus) dialog.querySelector("h2")!.focus();
  } else {
    dialog.open = true; // show() would take the focus
    addEventListener("keydown", ({ key }) => key === "Escape" && dialog.close(), until);
  }
  tools.mark_(dialog, content);
};
