/** What happened, told as events of the window: listeners cannot break one another, or us. */

import type { Happenings } from "../edgeseg";

export const tell = <Name extends keyof Happenings>(name: Name, ...detail: Happenings[Name]): unknown =>
  dispatchEvent(new CustomEvent("edgeseg:" + name, { detail }));

/** Do what may fail: that is told, and not thrown into the page. */
export const attempt = async (act: () => unknown): Promise<void> => {
  try {
    await act();
  } catch (error) {
    tell("error", error);
  }
};

export const listen = <Name extends keyof Happenings>(
  name: Name,
  listener: (...told: Happenings[Name]) => void,
): void =>
  addEventListener("edgeseg:" + name, (event: CustomEventInit<Happenings[Name]>) =>
    listener(...event.detail!),
  );
