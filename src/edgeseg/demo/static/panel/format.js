// Instants, durations and ids as the panel words them.

const DAY_MS = 86_400_000;
const STEPS = [
  ["day", DAY_MS],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const INSTANT = /\d{4}-\d\d-\d\dT\d\d:\d\d:[\d.]+Z/g;

// Written out, since a browser's first use of Intl holds the page up for 20 ms and more.

/** "in 30 days": the largest unit that fits at least once and a half, rounded. */
export function untilText(atMs, nowMs) {
  const left = Math.max(0, atMs - nowMs);
  const [unit, size] = STEPS.find(([, size]) => left >= size * 1.5) || STEPS.at(-1);
  const count = Math.round(left / size);
  return `in ${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** "22 Nov 2026, 04:14" by the browser's clock. */
export function instantText(atMs) {
  const at = new Date(atMs);
  const [hours, minutes] = [at.getHours(), at.getMinutes()].map((part) => String(part).padStart(2, "0"));
  return `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()}, ${hours}:${minutes}`;
}

/** A sentence of the service with its instants as people read them. */
export const readable = (text) => text.replace(INSTANT, (instant) => instantText(Date.parse(instant)));

export const tookText = (tookMs) => (tookMs < 10 ? `${tookMs.toFixed(1)} ms` : `${Math.round(tookMs)} ms`);
/** Time that the service itself took for its latest answer, by its Server-Timing header. */
export function servedMs() {
  const calls = performance.getEntriesByType("resource").filter((entry) => entry.name.endsWith("/v1/classify"));
  return calls.at(-1)?.serverTiming?.find((timing) => timing.name === "edgeseg")?.duration;
}

export const shortId = (id) => (id.length > 14 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id);
