/** What consent platforms on the page say; `data-tcf` and `data-consent-mode` tell what counts. */

import type { Choice } from "../edgeseg";
import { onCall } from "./calls";
import { consent } from "./service";
import { settings } from "./settings";

interface TcData {
  eventStatus: string;
  gdprApplies?: boolean;
  purpose: { consents: Record<string, boolean | undefined> };
}
type TcfApi = (
  command: "addEventListener",
  version: 2,
  listener: (data: TcData, success: boolean) => void,
) => void;
/** `gtag("consent", "update", {...})` arrives as an arguments object; others are of any form. */
type Command = [name?: string, kind?: string, state?: Record<string, string>] | undefined;

declare global {
  interface Window {
    __tcfapi?: TcfApi;
    dataLayer?: Command[];
  }
}

/** Decide on the purposes of "marketing=1,3 statistics=8": each needs all that it lists, and one at least. */
const decide = (mapping: string, isGranted: (name: string) => boolean | undefined): void => {
  const choice: Choice = {};
  for (const [, purpose, needed] of mapping.matchAll(/(\S+)=(\S+)/g)) {
    choice[purpose!] = needed!.split(",").every(isGranted);
  }
  consent(choice);
};

/** IAB's Transparency and Consent Framework 2, and Google's Consent Mode 2. */
export const followConsent = (): void => {
  if (settings.tcf) {
    window.__tcfapi?.("addEventListener", 2, (data, success) => {
      // While its dialog is open the visitor has not decided.
      if (success && data.eventStatus !== "cmpuishown") {
        decide(settings.tcf!, (id) => data.gdprApplies === false || data.purpose.consents[id]);
      }
    });
  }
  if (settings.consentMode) {
    const state: Record<string, string> = {};
    const read = (command: Command): void => {
      // A default is the site's word; only an update is the visitor's.
      if (command?.[0] === "consent" && command[1] === "update") {
        Object.assign(state, command[2]);
        decide(settings.consentMode!, (type) => state[type] === "granted");
      }
    };
    const layer = (window.dataLayer ??= []);
    onCall(layer, "push", (commands) => commands.forEach(read));
    layer.forEach(read);
  }
};
