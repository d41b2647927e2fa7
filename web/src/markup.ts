/** HTML from templates. */

interface Policy {
  createHTML(html: string): string;
}

declare const trustedTypes: { createPolicy(name: string, rules: Policy): Policy };

let policy: Policy = { createHTML: (html) => html };
try {
  policy = trustedTypes.createPolicy("edgeseg", policy);
} catch {
  // No Trusted Types in this browser; or the page forbids the name, and keeps its own markup.
}

/** Parse without running scripts; within a body, or what stands first (`<style>`) went to the head. */
export const parse = (html: string): NodeListOf<ChildNode> =>
  new DOMParser().parseFromString(policy.createHTML("<body>" + html), "text/html").body.childNodes;
