/** Popups are a file of their own: pages pay for them only where one may open. */

import type { SlotContent } from "../edgeseg";
import { expose, mark } from "./exposures";
import { listen, tell } from "./happenings";
import { parse } from "./markup";
import { pageAddress, turn } from "./service";
import { serviceAddress, settings } from "./settings";

/** What the other file is handed, so that nothing is there twice. */
export interface Tools {
  turn: number;
  /** whether the page that the content was decided for is the one in view */
  isHere(): boolean;
  settings: typeof settings;
  parse: typeof parse;
  mark: typeof mark;
  expose: typeof expose;
  listen: typeof listen;
}
interface Popups {
  arm(slot: string, content: SlotContent, tools: Tools): void;
}

/** Named and hashed by build.mjs. */
declare const POPUPS_FILE: string;
declare const POPUPS_INTEGRITY: string;

let loading: Promise<Popups> | undefined;

const load = (): Promise<Popups> => {
  // import() itself checks no hash; it takes what this has fetched and checked.
  const link = Object.assign(document.createElement("link"), {
    rel: "modulepreload",
    integrity: POPUPS_INTEGRITY,
    href: new URL(POPUPS_FILE, serviceAddress),
  });
  document.head.append(link);
  return import(link.href) as Promise<Popups>;
};

/** Arm a slot's popup, or disarm it where the content has none. */
export const arm = async (slot: string, content: SlotContent): Promise<void> => {
  if (!content.popup && !loading) return;
  const address = pageAddress();
  const isHere = (): boolean => address === pageAddress();
  try {
    const popups = await (loading ??= load());
    popups.arm(slot, content, { turn, isHere, settings, parse, mark, expose, listen });
  } catch (error) {
    tell("error", error);
  }
};
