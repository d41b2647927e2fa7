// Instants, durations and ids as the panel words them.

const DAY_MS = 86_400_000;
const STEPS = [
  ["day", DAY_MS],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

/** "in 30 days": the largest unit that fits at least once and a half, rounded. */
export function untilText(atMs, nowMs) {
  const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  const left = Math.max(0, atMs - nowMs);
  const [unit, size] = STEPS.find(([, size]) => left >= size * 1.5) || STEPS.at(-1);
  return words.format(Math.round(left / size), unit);
}

export function instantText(atMs) {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" }).format(atMs);
}

export const tookText = (tookMs) => (tookMs < 10 ? `${tookMs.toFixed(1)} ms` : `${Math.round(tookMs)} ms`);
/** Time that the service itself took for its latest answer, by its Server-Timing header. */
export function servedMs() {
  const calls = performance.getEntriesByType("resource").filter((entry) => entry.name.endsWith("/v1/classify"));
  return calls.at(-1)?.serverTiming?.find((timing) => timing.name === "edgeseg")?.duration;
}

export const shortId = (id) => (id.length > 14 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id);
