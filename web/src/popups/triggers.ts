/** What opens a popup. */

import type { Happenings, Trigger } from "../../edgeseg";

const ACTIVITY = ["pointermove", "pointerdown", "keydown", "scroll"];

/** Call `show` at each of the trigger's occasions, until the signal. */
export const watch = (
  { delay_s, inactivity_s, exit_intent, scroll_percent, event }: Trigger,
  signal: AbortSignal,
  show: () => void,
): void => {
  if (delay_s) every(delay_s, signal, show);
  if (inactivity_s) {
    const startOver = every(inactivity_s, signal, show);
    for (const type of ACTIVITY) addEventListener(type, startOver, { signal });
  }
  if (exit_intent) {
    // The pointer leaves the page at its top edge, towards the tabs and the address.
    const onOut = ({ relatedTarget, clientY }: MouseEvent): void => {
      if (!relatedTarget && clientY <= 0) show();
    };
    addEventListener("mouseout", onOut, { signal });
  }
  if (scroll_percent) {
    const onScroll = (): void => {
      const { scrollHeight, clientHeight } = document.documentElement;
      if (scrollY * 100 >= scroll_percent * (scrollHeight - clientHeight)) show();
    };
    addEventListener("scroll", onScroll, { signal });
  }
  if (event) {
    const onEvent = ({ detail }: CustomEventInit<Happenings["event"]>): unknown => detail![0] === event && show();
    addEventListener("edgeseg:event", onEvent, { signal });
  }
};

/** Repeat, since another popup may be open the first time; answers how to start over. */
const every = (seconds: number, signal: AbortSignal, show: () => void): (() => void) => {
  let timer = 0;
  const stop = (): void => clearInterval(timer);
  const startOver = (): void => {
    stop();
    timer = setInterval(() => document.hidden || show(), seconds * 1_000);
  };
  signal.addEventListener("abort", stop);
  startOver();
  return startOver;
};
