// Builds the snippet into the Python package, where the service and the wheel find it.
//
//   node build.mjs           writes the scripts, their source maps and the types
//   node build.mjs --check   fails if what is there is not what the source gives
//
// esbuild bundles; terser, which takes a few per cent off what esbuild leaves, minifies.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

// Gzipped bytes: what every page loads, and what a page loads where a popup may open.
const LIMITS = { "edgeseg.js": 3_000, "edgeseg.popups.js": 1_500 };
const TARGET = 2_700;
const web = new URL("./", import.meta.url);
const target = new URL("../src/edgeseg/delivery/static/", web);

// Names of members of ours, the same in both files: one hands its tools to the other.
let mangleCache = {};

async function bundle(name, entry, format, define = {}) {
  const built = await build({
    absWorkingDir: web.pathname,
    entryPoints: [entry],
    outfile: name,
    bundle: true,
    format,
    define,
    target: "es2021",
    charset: "utf8",
    legalComments: "none",
    mangleProps: /_$/, // members of ours that no one else sees
    mangleCache,
    minifySyntax: true,
    sourcemap: "external", // named by a header, so that the script carries no comment for it
    tsconfigRaw: {},
    write: false,
  });
  mangleCache = built.mangleCache;
  const [map, script] = built.outputFiles.map((file) => file.text);
  const small = await minify(script, {
    ecma: 2020,
    module: format === "esm",
    toplevel: true,
    compress: { passes: 3, pure_getters: true },
    sourceMap: { content: map, asObject: true },
  });
  small.map.file = name;
  return { [name]: Buffer.from(small.code), [`${name}.map`]: Buffer.from(JSON.stringify(small.map)) };
}

const digest = (bytes, encoding) => createHash("sha256").update(bytes).digest(encoding);

async function bundleAll() {
  const popups = await bundle("edgeseg.popups.js", "src/popups/main.ts", "esm");
  const script = popups["edgeseg.popups.js"];
  const main = await bundle("edgeseg.js", "src/main.ts", "iife", {
    POPUPS_FILE: JSON.stringify(`edgeseg.popups.${digest(script, "hex").slice(0, 12)}.js`),
    POPUPS_INTEGRITY: JSON.stringify(`sha256-${digest(script, "base64")}`),
  });
  return { ...main, ...popups, "edgeseg.d.ts": readFileSync(new URL("edgeseg.d.ts", web)) };
}

function isCurrent(name, bytes) {
  try {
    return readFileSync(new URL(name, target)).equals(bytes);
  } catch {
    return false;
  }
}

const built = await bundleAll();
for (const [name, limit] of Object.entries(LIMITS)) {
  const size = gzipSync(built[name], { level: 9 }).length;
  const goal = name === "edgeseg.js" ? `, target ${TARGET}` : "";
  console.log(`${name}: ${size} bytes gzipped (limit ${limit}${goal})`);
  if (size > limit) {
    console.error(`${name} is over its limit`);
    process.exitCode = 1;
  }
}
const stale = Object.entries(built).filter(([name, bytes]) => !isCurrent(name, bytes));
if (process.argv.includes("--check")) {
  for (const [name] of stale) console.error(`${name} is not what web/ gives: run \`make snippet\``);
  if (stale.length) process.exitCode = 1;
} else if (!process.exitCode) {
  for (const [name, bytes] of stale) {
    writeFileSync(new URL(name, target), bytes);
    console.log(`wrote ${name}`);
  }
}
