/** HTML from templates. */

import { attempt } from "./happenings";

interface Policy {
  createHTML(html: string): string;
}

declare const trustedTypes: { createPolicy(name: string, rules: Policy): Policy };

let policy: Policy = { createHTML: (html) => html };
// Fails in a browser without Trusted Types, or where the page forbids the name, and so keeps its
// own markup. Nobody listens yet.
void attempt(() => (policy = trustedTypes.createPolicy("edgeseg", policy)));

/** Parse without running scripts: those in a template never run. */
export const parse = (html: string): DocumentFragment =>
  Object.assign(document.createElement("template"), { innerHTML: policy.createHTML(html) }).content;
