/** Events from markup alone: `data-edgeseg-track` on links, buttons and forms; clicks in slots. */

import { expose } from "./exposures";
import { attempt } from "./happenings";
import { track } from "./service";

const onAction = (event: Event): void => {
  const element = event.target as HTMLElement;
  if (!element.closest) return; // the document, by a script
  const tracked = element.closest<HTMLElement>("[data-edgeseg-track]");
  const isSent = event.type === "submit";
  // A form counts when it is sent, anything else when it is clicked.
  if (tracked?.matches("form") === isSent) {
    const told = tracked!.dataset;
    attempt(() => track(told.edgesegTrack!, JSON.parse(told.edgesegProperties || "{}")));
  }
  const shown = element.closest<HTMLElement>("[data-edgeseg-slot]");
  if (!isSent && shown && element.closest(":is(a,button,[type=submit]):not([data-edgeseg-close])")) expose("clicked", shown);
};

export const watchActions = (): void => {
  addEventListener("click", onAction, true);
  addEventListener("submit", onAction, true);
};
