/* edgeseg.js: asks once per page view who the visitor is, and fills the page's slots.
 *
 *   <script async src="/edgeseg.js" data-endpoint="" data-credentials="same-origin"
 *           data-explain="false"></script>
 *   <div data-edgeseg-slot="home-hero">original markup, shown unless a campaign fills it</div>
 *
 * Before it has loaded: (window.edgeseg = window.edgeseg || []).push(["track", "name", {}]).
 * Nothing here may throw into the page; failures reach edgeseg.on("error", listener).
 */
(() => {
  "use strict";
  // The page's own scripts may run between now and the start: all fill the same queue.
  const calledBefore = (window.edgeseg = window.edgeseg || []);
  if (!Array.isArray(calledBefore)) return; // loaded twice

  const FILL_WITHIN_MS = 600;
  const DISMISSED = "edgeseg:dismissed";
  const settings = (document.currentScript || {}).dataset || {};
  const endpoint = (settings.endpoint || "").replace(/\/$/, "");
  const listeners = {};
  let last = null; // the latest [answer, {took_ms, late}]
  let failure = null; // what went wrong since

  const emit = (name, ...args) => {
    for (const listener of listeners[name] || []) {
      try {
        listener(...args);
      } catch (error) {
        console.error(error);
      }
    }
  };
  const fail = (error) => ((failure = error), emit("error", error), null);

  // Calls: one at a time, since the first may bring the cookie that the next one needs.

  let queue = Promise.resolve();
  const enqueue = (job) => (queue = queue.then(job).catch(fail));

  const call = async (method, path, body) => {
    const response = await fetch(endpoint + path, {
      method,
      keepalive: true,
      credentials: settings.credentials || "same-origin",
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };

  const slotElements = () => [...document.querySelectorAll("[data-edgeseg-slot]")];

  const classify = async ({ view, events }) => {
    const startedAt = performance.now();
    const answer = await call("POST", "/v1/classify", {
      page: {
        url: location.href.split("#")[0],
        referrer: document.referrer,
        title: document.title,
      },
      context: {
        time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        language: navigator.language,
      },
      slots: [...new Set(slotElements().map((element) => element.dataset.edgesegSlot))],
      ...(events.length && { events }),
      ...(!view && { view }),
      ...(settings.explain === "true" && { explain: true }),
    });
    const took_ms = performance.now() - startedAt;
    const late = took_ms > FILL_WITHIN_MS; // the visitor reads the original by now: leave it
    last = [answer, { took_ms, late }];
    failure = null;
    if (!late) fill(answer.slots || {});
    emit("answer", ...last);
    return answer;
  };

  let batch = null; // what the next call will carry
  const ask = (view, event) => {
    if (!batch) {
      const mine = (batch = { view: false, events: [] });
      mine.answer = enqueue(() => {
        if (batch === mine) batch = null;
        return mine.sent ? null : classify(mine);
      });
    }
    if (view) batch.view = true;
    if (event) batch.events.push(event);
    return batch.answer;
  };

  // Slots: HTML goes in without running scripts, through a Trusted Types policy if there is one.

  let policy = null;
  try {
    policy = window.trustedTypes.createPolicy("edgeseg", { createHTML: (html) => html });
  } catch (error) {
    // no Trusted Types here, or the page's own policy forbids the name
  }
  const parse = (html) => {
    const trusted = policy ? policy.createHTML(html) : html;
    return new DOMParser().parseFromString(trusted, "text/html").body.childNodes;
  };

  const originals = new WeakMap(); // element → its own markup
  const filled = new WeakMap(); // element → the HTML it shows instead
  const place = (element, content) => {
    if (!originals.has(element)) originals.set(element, [...element.childNodes]);
    const original = originals.get(element);
    // Without a campaign the page's own markup is the better fallback.
    const html = (content && (content.campaign || !original.length) && content.html) || "";
    if (html === (filled.get(element) || "")) return;
    filled.set(element, html);
    element.replaceChildren(...(html ? parse(html) : original));
    element.dataset.edgesegShown = html ? `${content.campaign}/${content.variant}` : "";
  };

  const fill = (contents) => {
    for (const element of slotElements()) {
      const slot = element.dataset.edgesegSlot;
      const content = contents[slot];
      const isPopup = content && content.kind === "popup";
      arm(slot, isPopup && content.campaign && content.html ? content : null);
      if (!isPopup) place(element, content);
    }
  };

  // Popups: one at a time; a dismissal outlives the page only for visitors who may be remembered.

  const dismissed = new Set();
  try {
    (sessionStorage.getItem(DISMISSED) || "").split(" ").forEach((slot) => dismissed.add(slot));
  } catch (error) {
    // storage is switched off
  }
  const dismiss = (slot) => {
    dismissed.add(slot);
    if (!last || !last[0].visitor || navigator.globalPrivacyControl) return;
    try {
      sessionStorage.setItem(DISMISSED, [...dismissed].join(" "));
    } catch (error) {
      // storage is switched off
    }
  };
  const forgetDismissed = () => {
    dismissed.clear();
    try {
      sessionStorage.removeItem(DISMISSED);
    } catch (error) {
      // storage is switched off
    }
  };

  const create = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  const open = (slot, { html, popup }) => {
    const title = create("h2", { id: `edgeseg-${slot}`, textContent: popup.title });
    const button = create("button", { type: "button", ariaLabel: "Close", textContent: "×" });
    const dialog = create(
      "dialog",
      { className: "edgeseg-popup" },
      create("div", {}, title, ...parse(html), button),
    );
    const close = () => dialog.close();
    const onEscape = (event) => event.key === "Escape" && close();
    dialog.setAttribute("aria-labelledby", title.id);
    dialog.addEventListener("click", ({ target }) => {
      const closes = target === dialog || target.closest("[data-edgeseg-close]");
      if (closes || target === button) close();
    });
    dialog.addEventListener("close", () => {
      removeEventListener("keydown", onEscape);
      dialog.remove();
      dismiss(slot);
    });
    document.body.append(dialog);
    if (popup.modal) dialog.showModal();
    else {
      dialog.setAttribute("open", ""); // show() would take the focus from what is being read
      addEventListener("keydown", onEscape);
    }
  };

  const armed = {}; // slot → what stops it
  const arm = (slot, content) => {
    const before = armed[slot];
    if (before && content && before.html === content.html) return;
    if (before) before.stop();
    delete armed[slot];
    if (!content || dismissed.has(slot)) return;

    const { exit_intent, delay_s, scroll_percent } = (content.popup || {}).trigger || {};
    const until = new AbortController();
    const { signal } = until;
    let timer = 0;
    const show = () => {
      if (signal.aborted || dismissed.has(slot) || document.querySelector("dialog[open]")) return;
      armed[slot].stop();
      open(slot, content);
    };
    armed[slot] = { html: content.html, stop: () => (clearTimeout(timer), until.abort()) };
    if (delay_s >= 0) timer = setTimeout(show, delay_s * 1000);
    if (exit_intent) {
      const onLeave = (event) => !event.relatedTarget && event.clientY <= 0 && show();
      document.addEventListener("mouseout", onLeave, { signal });
    }
    if (scroll_percent >= 0) {
      const onScroll = () => {
        const { scrollHeight, clientHeight } = document.documentElement;
        if (scrollY * 100 >= scroll_percent * (scrollHeight - clientHeight)) show();
      };
      addEventListener("scroll", onScroll, { signal, passive: true });
    }
  };

  // What pages call

  const eventId = () => Date.now().toString(36) + Math.random().toString(36).slice(2);
  const api = {
    page: () => ask(true),
    track: (event, properties = {}) =>
      ask(false, { event, properties, timestamp: new Date().toISOString(), messageId: eventId() }),
    consent: (choice) =>
      enqueue(async () => {
        // A view seen without consent was not stored: once there is consent, it counts.
        const unseen = !(last && last[0].visitor);
        await call("POST", "/v1/consent", { consent: choice });
        const granted = Object.values(choice).includes(true);
        if (!granted) forgetDismissed();
        return granted && unseen;
      }).then((view) => ask(view === true)),
    forget: () => enqueue(() => call("DELETE", "/v1/me")).then(forgetDismissed).then(() => ask(false)),
    on: (name, listener) => {
      (listeners[name] = listeners[name] || []).push(listener);
      if (name === "answer" && last) listener(...last);
      if (name === "error" && failure) listener(failure);
    },
    push: (...calls) => {
      for (const [name, ...args] of calls) {
        try {
          api[name](...args);
        } catch (error) {
          fail(error);
        }
      }
    },
  };

  const start = () => {
    ask(true);
    api.push(...calledBefore);
    window.edgeseg = api;
  };
  const whenParsed = () =>
    document.readyState === "loading" ? addEventListener("DOMContentLoaded", start) : start();
  if (document.prerendering) {
    document.addEventListener("prerenderingchange", whenParsed, { once: true });
  } else whenParsed();

  addEventListener("pageshow", (event) => event.persisted && ask(true));
  addEventListener("pagehide", () => {
    if (!batch || batch.sent) return;
    batch.sent = true; // no time left to wait for its turn
    classify(batch).catch(fail);
  });
})();
