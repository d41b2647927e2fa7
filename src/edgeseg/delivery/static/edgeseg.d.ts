/** Types of `window.edgeseg`, for pages that are written in TypeScript.
 *
 * `edgeseg snippet --types > edgeseg.d.ts` prints this file.
 */

export type Scalar = string | number | boolean;

/** Values of an event's properties; null counts as absent. */
export type Properties = Record<string, Scalar | Scalar[] | null>;

/** Purpose, such as "marketing" → whether the visitor agrees. */
export type Choice = Record<string, boolean>;

/** What one slot shows; campaign and variant are null for the fallback. */
export interface SlotContent {
  campaign: string | null;
  variant: string | null;
  kind: string;
  html: string;
  reason: string;
  popup?: Popup;
  /** content of a slot of kind `json` */
  values?: Record<string, unknown>;
  /** whether a preview link asked for it */
  preview?: boolean;
}

export interface Popup {
  title: string;
  trigger: Trigger;
  modal: boolean;
}

/** When a popup opens: at the first of these. */
export interface Trigger {
  exit_intent?: boolean;
  delay_s?: number;
  scroll_percent?: number;
  inactivity_s?: number;
  event?: string;
}

/** The answer to a page view, see `POST /v1/classify`. */
export interface Answer {
  /** null for a visitor who is not remembered */
  visitor: string | null;
  segments: string[];
  slots: Record<string, SlotContent>;
  /** purpose → whether the visitor agrees; absent where nothing is known */
  consent?: Choice;
  /** RFC 3339; time alone changes nothing before it */
  valid_until: string;
  rules: string;
  degraded: boolean;
  /** segment → why; with `data-explain` only */
  explain?: Record<string, unknown>;
  /** segment → display name; with `data-explain` only */
  names?: Record<string, string>;
}

/** How an answer came; `late`: after 600 ms, so that the page kept its own markup. */
export interface Timing {
  took_ms: number;
  late: boolean;
}

/** Which content was shown, clicked or dismissed. */
export interface Exposure {
  slot: string;
  campaign: string;
  variant: string;
}

/** What `on` can listen to, with the arguments that a listener gets. */
export interface Happenings {
  answer: [answer: Answer, timing: Timing];
  error: [error: unknown];
  /** each event that goes out, those of campaigns included */
  event: [event: string, properties: Properties];
}

export interface Calls {
  /** Count a page view of the present address; `custom` values go along from now on. */
  page(custom?: Properties): void;
  /** Send an event. */
  track(event: string, properties?: Properties): void;
  /** Say who the visitor is, by a token that your server has signed. */
  identify(token: string): void;
  /** Grant or take back consent. */
  consent(choice: Choice): void;
  /** Listen; the latest answer, or error, is told at once. */
  on<Name extends keyof Happenings>(
    name: Name,
    listener: (...told: Happenings[Name]) => void,
  ): void;
  /** Ask for these slots too, and answer what is known of all slots now. */
  slots(...names: string[]): Record<string, SlotContent>;
}

/** A call as a tuple, such as `["track", "product_added", { price: 24 }]`. */
export type Call = {
  [Name in keyof Calls]: [name: Name, ...args: Parameters<Calls[Name]>];
}[keyof Calls];

export interface Edgeseg extends Calls {
  /** Make calls; works before the snippet has loaded, where `edgeseg` is a plain array. */
  push(...calls: Call[]): void;
}

declare global {
  interface Window {
    edgeseg?: Edgeseg | Call[];
  }
}
