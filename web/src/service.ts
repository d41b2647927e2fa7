/** Calls of the service: one at a time, each carrying all that has gathered by then. */

import type { Answer, Choice, Properties } from "../edgeseg";
import { tell } from "./happenings";
import { isOptedOut, serviceAddress, settings } from "./settings";

/** After this the visitor reads the original, which stays. */
const FILL_WITHIN_MS = 600;
/** A service that hangs must not hold one of the page's few connections for long. */
const GIVE_UP_AFTER_MS = 5_000;
/** Events that wait for a service out of reach; it takes as many in one call. */
const MAX_WAITING = 20;

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
let isDue = false;
/** how many slots the last call asked for */
let asked = 0;
/** whether the call on its way carries consent, and may bring the visitor's cookie */
let carriesConsent = false;

/** The address that was viewed last, without its fragment. */
export let address = "";
/** The latest answer, whatever page it was for. */
export let latest: Partial<Answer> = {};
/** Counts the page views, so that an answer for an earlier one is known. */
export let turn = 0;
/** Names of the slots to ask for: once seen in this document, always asked. */
export const names = new Set<string>();

export const pageAddress = (): string => location.href.split("#")[0]!;

/** Send what has gathered, in a task of its own once the running script is done. */
export const ask = (): void => {
  isDue = true;
  setTimeout(send);
};

export const viewPage = (values?: Properties): void => {
  referrer = address || referrer;
  address = pageAddress();
  custom = values ?? custom;
  turn++;
  view = true;
  // The answer for the page before is of no use now. (Its events go out again, told apart by
  // their ids.) A call that carries consent is let through: it may bring the visitor's cookie.
  if (!carriesConsent) flying?.abort();
  ask();
};

export const track = (event: string, properties: Properties = {}, canWait?: boolean): void => {
  events.push({
    event,
    properties,
    timestamp: new Date(),
    messageId: Date.now() + "" + Math.random(),
  });
  tell("event", event, properties);
  if (!canWait) ask();
};

export const consent = (decided: Choice): void => {
  if (isOptedOut) return;
  Object.assign(choice, decided);
  ask();
};

const post = async (path: string, body: object, signal?: AbortSignal): Promise<unknown> => {
  const response = await fetch(new URL("v1/" + path, serviceAddress), {
    method: "POST",
    keepalive: true,
    credentials: isOptedOut ? "omit" : "include",
    // As plain text, so that another origin needs no preflight.
    body: JSON.stringify(body),
    signal,
  } as RequestInit);
  if (!response.ok) throw Error(await response.text(), { cause: response.status });
  return response.json();
};

/** Become the person that the site's server names, and ask anew who that is. */
export const identify = async (token: string): Promise<void> => {
  try {
    await post("me/identify", { token });
    asked = -1;
    ask();
  } catch (error) {
    tell("error", error);
  }
};

const send = async (isLeaving?: boolean): Promise<void> => {
  if (!isLeaving && (flying || !isDue)) return;
  const consent: Choice = {};
  isDue = carriesConsent = false;
  for (const purpose in choice) {
    const isGranted = choice[purpose]!;
    // What is known already would change nothing.
    if (latest.rules && isGranted === !!latest.consent?.[purpose]) continue;
    consent[purpose] = isGranted;
    carriesConsent = true;
    // A view seen without consent was not stored: once there is consent, it counts.
    if (isGranted && latest.visitor === null) view = true;
  }
  // Nothing would be kept of them.
  const taken = latest.visitor === null && !carriesConsent ? [] : events;
  const isView = view;
  events = [];
  choice = {};
  view = false;
  if (!isView && !carriesConsent && !taken[0] && asked === names.size) return;
  asked = names.size;

  const controller = (flying = new AbortController());
  setTimeout(() => controller.abort(), GIVE_UP_AFTER_MS); // of no effect once it is over
  const mine = turn;
  const startedAt = Date.now();
  try {
    const body = {
      page: { url: address, referrer, title: document.title },
      context: {
        time_zone: timeZone,
        language: navigator.language,
        custom,
      },
      consent,
      events: taken,
      slots: [...names],
      view: isView,
      explain: "explain" in settings,
    };
    latest = (await post("classify", body, controller.signal)) as Answer;
    const took_ms = Date.now() - startedAt;
    if (mine === turn) tell("answer", latest as Answer, { took_ms, late: took_ms > FILL_WITHIN_MS });
  } catch (error) {
    // What the service has refused once it would refuse again, unless there was too much at
    // once (429, 503); why, helps who builds the page.
    if (((error as Error).cause as number) < 429) console.warn(error);
    else {
      events = [...taken, ...events].slice(-MAX_WAITING);
      choice = { ...consent, ...choice };
    }
    if (mine === turn) tell("error", error);
  }
  flying = undefined;
  send();
};

addEventListener("pagehide", () => send(true));
addEventListener("visibilitychange", () => send(document.hidden));
