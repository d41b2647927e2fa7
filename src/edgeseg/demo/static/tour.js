// The guided tour: five steps, each done when edgeseg's own answer says so.

import { element, find, keep, recall } from "./dom.js";
import { onAnswer } from "./edgeseg_calls.js";

const KEPT = "tour";
const SEGMENT = "prospective-account-clients";
const page = document.documentElement;
const strip = find("[data-tour]");
const here = location.pathname;

const STEPS = [
  {
    text: "Allow the site to remember you: without that, edgeseg looks at this page view and forgets it.",
    link: null,
    done: (answer) => !!answer.visitor,
  },
  {
    text: "Read about an account, and watch a segment appear in the panel.",
    link: ["Open the Current Account", "/accounts/current-account"],
    done: (answer) => answer.segments.includes(SEGMENT),
    // Nobody joins who has sent the form, perhaps on an earlier tour.
    again: "Not in it? Who has requested an account is suggested none for 30 days: press “Start over” in the panel.",
    isInVain: (answer) => /^\/accounts\/(?!request)/.test(here) && !answer.degraded,
  },
  {
    text: "Press “Why?” beside “Prospective Account Clients” in the panel: each condition, and what was found.",
    link: null,
    done: () => recall("sessionStorage", "tour-asked", false),
  },
  {
    text: "Go home: the top of the page now speaks to somebody who thinks of an account.",
    link: ["Go home", "/"],
    done: (answer) => here === "/" && !!answer.slots["home-hero"]?.campaign && answer.segments.includes(SEGMENT),
  },
  {
    text: "Request an account: you leave the segment at once, and the page returns to what it was.",
    link: ["To the form", "/accounts/request"],
    done: (answer) => !answer.segments.includes(SEGMENT),
  },
];
const END = {
  text: "That was all of it. Now be someone else, in the panel, or change a file under rules/ and reload.",
  link: ["More to try", "/about-this-demo#more"],
};

let step = recall("sessionStorage", KEPT, null);
let latest = null;

function show() {
  page.toggleAttribute("data-tour", step !== null);
  if (step === null) return;
  const { text: first, again, isInVain, link } = STEPS[step] || END;
  const text = latest && isInVain?.(latest) ? again : first;
  find("[data-tour-count]", strip).textContent = STEPS[step] ? `Step ${step + 1} of ${STEPS.length}` : "Done";
  find("[data-tour-dots]", strip).replaceChildren(
    ...STEPS.map((_, index) => element("span", { class: index < step ? "done" : index === step ? "now" : false })),
  );
  const told = find("[data-tour-text]", strip);
  if (told.textContent !== text) told.textContent = text;
  const go = find("[data-tour-go]", strip);
  go.hidden = !link || link[1] === here;
  if (link) [go.textContent, go.href] = link;
  find("[data-tour-end]", strip).textContent = STEPS[step] ? "End the tour" : "Close";
}

function move(to) {
  step = to;
  keep("sessionStorage", KEPT, to);
  if (!to) keep("sessionStorage", "tour-asked", null);
  show();
}

function advance(answer) {
  latest = answer;
  if (step === null) return;
  // Every step but the first is about somebody who is remembered.
  let next = STEPS[step] && !answer.visitor ? 0 : step;
  // The page that a step ends on stays with it: one step at a time is shown as done.
  while (STEPS[next]?.done(answer)) next += 1;
  if (next !== step) move(next);
  else show();
}

strip.addEventListener("click", ({ target }) => {
  if (target.closest("[data-tour-end]")) move(null);
});
document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-tour-start]")) {
    move(0);
    if (latest) advance(latest);
    scrollTo({ top: 0 });
  }
  if (step !== null && target.closest(`[data-id="${SEGMENT}"] .segment-why`)) {
    keep("sessionStorage", "tour-asked", true);
    advance(latest);
  }
});
show();
onAnswer(advance);
