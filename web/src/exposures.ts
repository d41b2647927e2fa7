/** Events of what was shown, clicked and dismissed. */

import type { Properties, SlotContent } from "../edgeseg";
import { latest, track, turn } from "./service";

export interface Marked extends HTMLElement {
  /** what it shows: properties of the events; "" for its own markup */
  exposure_?: Properties | false | "" | null | undefined;
}

/** slot → what it was told to have shown last */
const told: Record<string, string> = {};

/** Tell of what an element shows; a dismissal goes out at once, since caps depend on it. */
export const expose = (step: "shown" | "clicked" | "dismissed", { exposure_ }: Marked): void => {
  // Who is not remembered gets the control, uncounted.
  if (exposure_ && latest.visitor) track("campaign_" + step, exposure_, step !== "dismissed");
};

/** Note what a slot's element shows, and tell of it once a page view. */
export const mark = (element: Marked, content: Partial<SlotContent>): void => {
  const { campaign, variant, preview } = content;
  const dataset = element.dataset;
  const slot = dataset.edgesegSlot!;
  dataset.edgesegShown = campaign ? campaign + "/" + variant : "";
  // Who looks at a preview is not counted.
  element.exposure_ = !preview && campaign && { slot, campaign, variant: variant! };
  const key = turn + dataset.edgesegShown + latest.visitor;
  if (told[slot] !== (told[slot] = key)) expose("shown", element);
};
