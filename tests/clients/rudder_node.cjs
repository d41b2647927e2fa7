// Sends calls by @rudderstack/rudder-sdk-node; prints what became of each.
// Usage: node rudder_node.cjs '{"host", "writeKey", "calls": [["track", {…}], …]}'
const RudderAnalytics = require("@rudderstack/rudder-sdk-node");

const { host, writeKey, calls } = JSON.parse(process.argv[2]);
const client = new RudderAnalytics(writeKey, {
  dataPlaneUrl: host,
  logLevel: "none",
  flushInterval: 100,
  errorHandler() {}, // each call's own callback hears of it; without this it would throw
});
const outcomes = calls.map(
  ([method, message]) =>
    new Promise((settle) => {
      client[method](message, (error) => settle(error ? String(error) : "sent"));
    }),
);
Promise.all(outcomes).then((settled) => {
  console.log(JSON.stringify(settled));
  process.exit(0);
});
