// The account request: says that the form was sent (never what was typed) and thanks.

import { find } from "./dom.js";
import { track } from "./edgeseg_calls.js";

const form = find("[data-request-form]");

export function showThanks(page = document) {
  find('[data-form-part="ask"]', page).hidden = true;
  const thanks = find('[data-form-part="thanks"]', page);
  thanks.hidden = false;
  thanks.focus({ preventScroll: true });
  scrollTo({ top: 0 });
}

if (form) {
  const asked = new URLSearchParams(location.search).get("account");
  if ([...form.elements.account.options].some((option) => option.value === asked)) {
    form.elements.account.value = asked;
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    track("form_submitted", { form: form.id });
    showThanks();
  });
}
