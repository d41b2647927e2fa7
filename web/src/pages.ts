/** Page views: the first one, and those that change the address without loading. */

import { onCall } from "./calls";
import { pageAddress } from "./page_address";
import { address, viewPage } from "./service";

const look = (): void => {
  if (pageAddress() !== address) viewPage();
};

// A router changes the address first and the page after, often several times in one go.
const lookSoon = (): unknown => setTimeout(look);

export const watchPages = (): void => {
  look();
  onCall(history, "pushState", lookSoon);
  onCall(history, "replaceState", lookSoon);
  addEventListener("pageshow", (event) => event.persisted && viewPage());
  addEventListener("popstate", lookSoon);
};
