/** edgeseg.js: asks once per page view who the visitor is, and fills the page's slots.
 *
 * Nothing here may throw into the page; what goes wrong is told to `edgeseg.on("error", ...)`.
 */

import type { Edgeseg, Happenings } from "../edgeseg";
import { watchActions } from "./attributes";
import { followConsent } from "./consent";
import { attempt, listen } from "./happenings";
import { watchPages } from "./pages";
import { addName, consent, identify, track, viewPage } from "./service";
import { contents, show, watchSlots } from "./slots";

type Listener = (...told: unknown[]) => void;

// The page's own scripts may run between now and the start: all fill the same queue.
const queue = (window.edgeseg ??= []) as unknown[] & { isTaken?: boolean };

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
      for (const [name, ...args] of calls) attempt(() => (edgeseg[name] as Listener)(...args));
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
  // Who has kept the queue may go on filling it.
  queue.push = edgeseg.push as never;
  window.edgeseg = edgeseg;
};

const whenParsed = (): void =>
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", start) : start();

// Else it is loaded twice.
if (Array.isArray(queue) && !queue.isTaken) {
  queue.isTaken = true;
  if ((document as { prerendering?: boolean }).prerendering) {
    document.addEventListener("prerenderingchange", whenParsed);
  } else whenParsed();
}
