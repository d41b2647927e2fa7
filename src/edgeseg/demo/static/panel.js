// The live panel: shows the latest answer of edgeseg, whatever the page is.

import { emptyCart } from "./cart.js";
import { find, keep } from "./dom.js";
import { forgetMe, marketingConsent, onAnswer, onError } from "./edgeseg_calls.js";
import { showFacts, showSlots } from "./panel/answer.js";
import { servedMs, tookText } from "./panel/format.js";
import { openPanel } from "./panel/frame.js";
import { showSegments } from "./panel/segments.js";
import { showVisitor } from "./panel/visitor.js";

const root = find("[data-panel-root]");
openPanel(root);

onAnswer((answer, call) => {
  const news = showSegments(root, answer);
  showVisitor(root, answer, marketingConsent(answer));
  showSlots(root, answer, call);
  showFacts(root, answer, call);
  root.dataset.ready = "";
  root.dataset.answered = "";
  find("[data-light]", root).dataset.light = answer.degraded ? "degraded" : "live";
  const count = answer.segments.length;
  showGist(`${count} ${count === 1 ? "segment" : "segments"} in ${tookText(servedMs() ?? call.took_ms)}`, news);
});

function showGist(text, news = "") {
  find("[data-gist]", root).textContent = text;
  find("[data-gist-news]", root).textContent = news;
}

function showAway() {
  root.dataset.ready = "";
  find("[data-light]", root).dataset.light = "offline";
  showGist("no answer");
}

onError(showAway);
// Where the snippet itself could not be had, its queue has none of the calls.
addEventListener("load", () => window.edgeseg?.page || showAway());

async function forget() {
  const isForgotten = await forgetMe();
  const failure = "Not forgotten: edgeseg does not reach its store. Try again.";
  find("[data-news]", root).textContent = isForgotten ? "" : failure;
  return isForgotten;
}

find("[data-forget]", root).addEventListener("click", forget);
find("[data-restart]", root).addEventListener("click", async () => {
  if (!(await forget())) return;
  emptyCart();
  keep("sessionStorage", "segments", null);
  location.assign("/");
});
