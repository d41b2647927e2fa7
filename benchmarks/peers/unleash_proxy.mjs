// Contender: Unleash's proxy, which evaluates flags for browsers, as its README starts it.
//
//     node unleash_proxy.mjs PORT UPSTREAM
//
// UPSTREAM answers as an Unleash server would. One process, as everything here has one core;
// production mode, no log of requests, no OpenAPI validation, no metrics of clients.

import { createApp } from "@unleash/proxy";

const [port, upstream] = process.argv.slice(2);
const app = createApp({
  unleashUrl: upstream,
  unleashApiToken: "default:production.benchmark",
  clientKeys: ["benchmark"],
  unleashAppName: "benchmark",
  refreshInterval: 600_000,
  metricsInterval: 600_000,
  environment: "production",
  enableAllEndpoint: true,
  logLevel: "error",
});
app.get("/", (_request, response) => response.send("up"));
app.listen(Number(port), "127.0.0.1");
