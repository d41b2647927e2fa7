/** edgeseg.js: asks once per page view who the visitor is, and fills the page's slots.
 *
 * Nothing here may throw into the page; what goes wrong is told to `edgeseg.on("error", ...)`.
 */

import type { Call, Edgeseg, Happenings } from "../edgeseg";
import { watchActions } from "./attributes";
import { followConsent } from "./consent";
import { attempt, listen } from "./happenings";
import { watchPages } from "./pages";
import { addName, consent, identify, track, viewPage } from "./service";
import { contents, watchSlots } from "./slots";

type Listener = (...told: unknown[]) => void;

// The page's own scripts may run between now and the start: all fill the same queue. It becomes
// the API, so that who has kept it may go on filling it.
const edgeseg = (window.edgeseg ??= []) as Call[] & Edgeseg & { isTaken?: boolean };

const start = (): void => {
  /** the latest answer, and what went wrong since, for listeners that come late */
  let known: { [name in keyof Happenings]?: unknown[] } = {};
  const api: Edgeseg = {
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
      calls.forEach(([name, ...args]) => attempt(() => (edgeseg[name] as Listener)(...args)));
    },
  };
  Object.assign(edgeseg, api);
  listen("answer", (...told) => (known = { answer: told }));
  listen("error", (...told) => (known.error = told));
  watchSlots();
  followConsent();
  watchPages();
  watchActions();
  edgeseg.push(...(edgeseg as Call[]));
};

/** Go on at once, or at an event that is still to come. */
const after = (type: string, isToCome: boolean | undefined, act: () => void): void =>
  isToCome ? addEventListener(type, act, true) : act();

// Else it is loaded twice, perhaps in two versions: all know this name.
if (!edgeseg.isTaken) {
  edgeseg.isTaken = true;
  after("prerenderingchange", (document as { prerendering?: boolean }).prerendering, () =>
    after("DOMContentLoaded", document.readyState === "loading", start),
  );
}
