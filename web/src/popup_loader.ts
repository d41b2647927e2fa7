/** Popups are a file of their own: pages pay for them only where one may open. */

import type { SlotContent } from "../edgeseg";
import { expose, mark } from "./exposures";
import { attempt } from "./happenings";
import { parse } from "./markup";
import { address } from "./service";
import { serviceAddress, settings } from "./settings";

/** What the other file is handed, so that nothing is there twice. */
export interface Tools {
  /** the one that the content was decided for */
  address_: string;
  settings_: typeof settings;
  parse_: typeof parse;
  mark_: typeof mark;
  expose_: typeof expose;
}
interface Popups {
  arm(slot: string, content: SlotContent, tools: Tools): void;
}

/** Named and hashed by build.mjs. */
declare const POPUPS_FILE: string;
declare const POPUPS_INTEGRITY: string;

let loading: Promise<Popups> | undefined;

/** Arm a slot's popup, or disarm it where the content has none. */
export const arm = (slot: string, content: SlotContent): void => {
  if (!loading) {
    if (!content.popup) return;
    // import() itself checks no hash; it takes what this has fetched and checked.
    const link = Object.assign(document.createElement("link"), {
      rel: "modulepreload",
      integrity: POPUPS_INTEGRITY,
      href: new URL(POPUPS_FILE, serviceAddress),
    });
    document.head.append(link);
    loading = import(link.href);
  }
  const tools: Tools = {
    address_: address,
    settings_: settings,
    parse_: parse,
    mark_: mark,
    expose_: expose,
  };
  void attempt(async () => (await loading!).arm(slot, content, tools));
};
