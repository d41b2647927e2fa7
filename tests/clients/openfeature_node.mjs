// Resolves flags by OpenFeature's server SDK over OFREP; prints the details of each.
// Usage: node openfeature_node.mjs '{"baseUrl", "headers": [["Name", "value"]],
//        "calls": [[method, flag, default, context], …]}'
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature } from "@openfeature/server-sdk";

const { baseUrl, headers = [], calls } = JSON.parse(process.argv[2]);
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl, headers }));
const client = OpenFeature.getClient();
const details = [];
for (const [method, flag, otherwise, context] of calls)
  details.push(await client[method](flag, otherwise, context));
console.log(JSON.stringify(details));
await OpenFeature.close();
