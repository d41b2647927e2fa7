/** Calls of the service: one at a time, each carrying all that has gathered by then. */

import type { Answer, Choice, Properties } from "../edgeseg";
import { attempt, tell } from "./happenings";
import { pageAddress } from "./page_address";
import { isOptedOut, serviceAddress, settings } from "./settings";

/** After this the visitor reads the original, which stays. */
const FILL_WITHIN_MS = 600;
/** A service that hangs must not hold one of the page's few connections for long. */
const GIVE_UP_AFTER_MS = 5_000;
/** The service takes as many in one call; and as many wait for one that is out of reach. */
const MAX_EVENTS = 20;
const MAX_SLOTS = 50;
const MAX_ADDRESS = 2_048;
/** Browsers let what outlives its page have 64 KiB. */
const MAX_KEPT_ALIVE = 20_000;

declare global {
  interface Window {
    Temporal?: { Now: { timeZoneId(): string } };
  }
}
interface TrackedEvent {
  event: string;
  properties: Properties;
  timestamp: Date;
  messageId: string;
}

// The first use of Intl takes 20 ms, where Temporal is not there; it is a task apart from others.
const timeZone =
  window.Temporal?.Now.timeZoneId() ?? Intl.DateTimeFormat().resolvedOptions().timeZone;

let flying: AbortController | undefined;
let custom: Properties | undefined;
let referrer = document.referrer;

// What the next call is to carry, and whether it is to be made now.
let view = false;
let events: TrackedEvent[] = [];
let choice: Choice = {};
/** All that was decided on this page: a call that fails must not bring back what was changed since. */
const decisions: Choice = {};
let token: string | undefined;
let isDue: boolean | undefined;
/** whether it is to be made even if nothing has gathered */
let isNeeded: boolean | undefined;
/** whether the call on its way may bring the visitor's cookie */
let mayBringCookie: string | boolean | undefined;

/** The address that was viewed last, without its fragment. */
export let address = "";
/** The latest answer, whatever page it was for. */
export let latest: Partial<Answer> = {};
/** The latest answer to what was asked since the visitor came to this tab or window, or left it: they
 * may decide at another. An answer to a question from before is put where nobody looks any more. */
let known: { answer_?: Answer } = {};
/** Counts the page views, so that an answer for an earlier one is known. */
export let turn = 0;
/** Slots by name, once seen in this document; false for those that the service does not know. */
const names: Record<string, boolean> = {};

/** As it will be sent: a later change is none of an event that has happened. */
const copy = (values: Properties): Properties => JSON.parse(JSON.stringify(values));

/** Send what has gathered, in a task of its own once the running script is done. */
export const ask = (isNeededNow?: boolean): void => {
  isDue = true;
  isNeeded ||= isNeededNow;
  setTimeout(send);
};

/** Ask for a slot that was not asked for yet. */
export const addName = (name: string): void => {
  if (!(name in names)) {
    names[name] = true;
    ask(true);
  }
};

export const viewPage = (values?: Properties): void => {
  // Views in one go are one view, and came from where the first came from.
  if (!view) referrer = address || referrer;
  address = pageAddress();
  if (values) attempt(() => (custom = copy(values)));
  turn++;
  view = true;
  // The answer for the page before is of no use now. (Its events go out again, told apart by
  // their ids.) A call that may bring the visitor's cookie is let through.
  if (!mayBringCookie) flying?.abort();
  ask(true);
};

export const track = (event: string, properties: Properties = {}, canWait?: boolean): unknown =>
  attempt(() => {
    events.push({
      event,
      properties: copy(properties),
      timestamp: new Date(),
      messageId: "" + Math.random(), // among the latest of one visitor
    });
    tell("event", event, properties);
    if (!canWait) ask();
  });

export const consent = (decided: Choice): void => {
  Object.assign(decisions, Object.assign(choice, decided));
  ask();
};

/** Become the person that the site's server names, and ask anew who that is. */
export const identify = (given: string): void => {
  token = given;
  ask(true);
};

const send = async (isLeaving?: boolean): Promise<void> => {
  if (!isLeaving && (flying || !isDue)) return;
  const consent: Choice = {};
  let carriesConsent: boolean | undefined;
  for (const purpose in choice) {
    const isGranted = choice[purpose]!;
    // Who opts out grants nothing, and takes back what an answer does not tell them of; to
    // anybody else, what is known already would change nothing, unless a call is under way.
    const isKnown = !flying && known.answer_ && isGranted === !!known.answer_.consent?.[purpose];
    if (isOptedOut ? isGranted : isKnown) continue;
    consent[purpose] = isGranted;
    carriesConsent = true;
    // A view seen without consent was not stored: once there is consent, it counts.
    view ||= isGranted && latest.visitor === null;
  }
  // Nothing would be kept of them.
  if (known.answer_?.visitor === null && !carriesConsent) events = [];
  isDue = !!events[MAX_EVENTS];
  const taken = events.splice(0, MAX_EVENTS);
  const isView = view;
  const who = token;
  choice = {};
  if (!isNeeded && !carriesConsent && !taken[0]) return;
  token = "";
  view = isNeeded = false;
  mayBringCookie = carriesConsent || who;

  const controller = (flying = new AbortController());
  setTimeout(() => controller.abort(), GIVE_UP_AFTER_MS); // of no effect once it is over
  const post = async (path: string, body: object): Promise<unknown> => {
    const text = JSON.stringify(body);
    const response = await fetch(new URL(path, serviceAddress), {
      method: "POST",
      keepalive: text.length < MAX_KEPT_ALIVE,
      credentials: isOptedOut && !carriesConsent ? "omit" : "include",
      // As plain text, so that another origin needs no preflight.
      body: text,
      signal: controller.signal,
    });
    if (!response.ok) throw Error(await response.text(), { cause: response.status });
    return response.json();
  };
  const mine = turn;
  const asked = known;
  const startedAt = Date.now();
  const body = {
    page: { url: address.slice(0, MAX_ADDRESS), referrer, title: document.title },
    context: { time_zone: timeZone, custom },
    consent,
    events: taken,
    sent_at: new Date(),
    slots: Object.keys(names).filter((name) => names[name]).slice(0, MAX_SLOTS),
    view: isView,
    explain: "explain" in settings,
  };
  try {
    if (who) await attempt(() => post("v1/me/identify", { token: who, consent }));
    const answer = (await post("v1/classify", body)) as Answer;
    if (!answer.rules) throw answer; // something else has answered
    latest = asked.answer_ = answer;
    const took_ms = Date.now() - startedAt;
    if (mine === turn) tell("answer", answer, { took_ms, late: took_ms > FILL_WITHIN_MS });
  } catch (error) {
    // What the service has refused once it would refuse again, unless there was too much at
    // once (429, 503); why, helps who builds the page. One event or slot that it has named is
    // left out, and the rest goes again.
    const isRefused = ((error as Error).cause as number) < 429;
    const named = /"(slots|events).(\d+)/.exec(error as string);
    if (isRefused) console.warn(error);
    if (named) {
      // An event among the names of slots does no harm.
      names[body[named[1] as "slots"].splice(named[2] as never, 1) as never] = false;
      view ||= isView;
      ask(true);
    }
    if (named || !isRefused) {
      events = [...taken, ...events].slice(named ? 0 : -MAX_EVENTS);
      for (const purpose in consent) choice[purpose] = decisions[purpose]!;
    }
    if (mine === turn) tell("error", error);
  }
  flying = undefined;
  send();
};

// If the page comes back, nothing from before holds it up: Firefox never settles a call that was
// answered while the page was put away.
addEventListener("pagehide", () => (flying = void send(true)));
// Of two windows beside one another both are visible.
addEventListener("focus", () => (known = {}));
addEventListener("visibilitychange", () => {
  known = {};
  send(document.hidden);
});
