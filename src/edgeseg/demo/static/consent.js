// Asks once whether the visit may be remembered; any button marked data-consent answers.

import { find, findAll } from "./dom.js";
import { marketingConsent, onAnswer, setMarketing } from "./edgeseg_calls.js";

const banner = find("[data-consent-banner]");

onAnswer((answer) => {
  // A browser that sends Global Privacy Control has answered for its visitor.
  banner.hidden = marketingConsent(answer) !== undefined || !!navigator.globalPrivacyControl;
});

for (const button of findAll("[data-consent]")) {
  button.addEventListener("click", () => {
    banner.hidden = true;
    setMarketing(button.dataset.consent === "yes");
  });
}
