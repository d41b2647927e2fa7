/** Page views: the first one, and those that change the address without loading. */

import { address, pageAddress, viewPage } from "./service";

const look = (): void => {
  if (pageAddress() !== address) viewPage();
};
// A router changes the address first and the page after, often several times in one go.
const lookSoon = (): unknown => setTimeout(look);

export const watchPages = (): void => {
  look();
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = (...state) => {
      original.apply(history, state);
      lookSoon();
    };
  }
  addEventListener("popstate", lookSoon);
  addEventListener("pageshow", ({ persisted }) => persisted && viewPage());
};
