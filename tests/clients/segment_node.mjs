// Sends the calls of a JSON file by @segment/analytics-node; prints what became of each.
// Usage: node segment_node.mjs '{"host", "writeKey", "calls": [["track", {…}], …]}'
import { Analytics } from "@segment/analytics-node";

const { host, writeKey, calls, maxRetries = 3 } = JSON.parse(process.argv[2]);
const analytics = new Analytics({ host, writeKey, maxRetries, flushInterval: 100 });
const outcomes = calls.map(
  ([method, message]) =>
    new Promise((settle) => {
      analytics[method](message, (error) => settle(error ? String(error) : "sent"));
    }),
);
await analytics.flush({ timeout: 60_000 });
console.log(JSON.stringify(await Promise.all(outcomes)));
