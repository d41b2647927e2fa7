/** Page views: the first one, and those that change the address without loading. */

import { address, pageAddress, viewPage } from "./service";

const look = (): void => {
  if (pageAddress() !== address) viewPage();
};

export const watchPages = (): void => {
  look();
  // A router changes the address first and the page after, often several times in one go.
  (["pushState", "replaceState"] as const).forEach((name) => {
    const original = history[name];
    history[name] = (...state) => {
      original.apply(history, state);
      setTimeout(look);
    };
  });
  addEventListener("popstate", () => setTimeout(look));
  addEventListener("pageshow", (event) => event.persisted && viewPage());
};
