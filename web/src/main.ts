/** edgeseg.js: asks once per page view who the visitor is, and fills the page's slots.
 *
 * Nothing here may throw into the page; what goes wrong is told to `edgeseg.on("error", ...)`.
 */

import type { Edgeseg, Happenings } from "../edgeseg";
import { watchActions } from "./attributes";
import { followConsent } from "./consent";
import { listen, tell } from "./happenings";
import { watchPages } from "./pages";
import { consent, identify, track, viewPage } from "./service";
import { addName, contents, show, watchSlots } from "./slots";

type Listener = (...told: unknown[]) => void;

// The page's own scripts may run between now and the start: all fill the same queue.
const queue = (window.edgeseg ??= []);

const start = (): void => {
  /** the latest answer, and what went wrong since, for listeners that come late */
  let known: { [name in keyof Happenings]?: unknown[] } = {};
  const edgeseg: Edgeseg = {
    page: viewPage,
    track,
    identify,
    consent,
    on(name, listener) {
      listen(name, listener);
      if (known[name]) (listener as Listener)(...known[name]);
    },
    slots(...names) {
      names.forEach(addName);
      return contents;
    },
    push(...calls) {
      for (const [name, ...args] of calls) {
        try {
          (edgeseg[name] as Listener)(...args);
        } catch (error) {
          tell("error", error);
        }
      }
    },
  };
  listen("answer", (...told) => {
    known = { answer: told };
    show(...told);
  });
  listen("error", (...told) => (known.error = told));
  watchSlots();
  followConsent();
  watchPages();
  watchActions();
  edgeseg.push(...(queue as []));
  window.edgeseg = edgeseg;
};

const whenParsed = (): void =>
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", start) : start();

// Else it is loaded twice.
if (Array.isArray(queue)) {
  if ((document as { prerendering?: boolean }).prerendering) {
    document.addEventListener("prerenderingchange", whenParsed);
  } else whenParsed();
}
