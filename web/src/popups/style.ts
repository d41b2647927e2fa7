/** How a popup looks where the page says nothing: with `:where`, any rule of the page wins. */

const RULES = `
:where(.edgeseg-popup){box-sizing:border-box;width:30rem;max-width:calc(100vw - 2rem);max-height:calc(100dvh - 2rem);overflow:auto;padding:1.5rem;border:0;border-radius:.75rem;box-shadow:0 1rem 4rem #0006}
:where(.edgeseg-popup:not(:modal)){position:fixed;inset:auto auto 1rem 1rem;margin:0;z-index:2147483647}
:where(.edgeseg-popup h2){margin:0 3rem 1rem 0}
:where(.edgeseg-popup>div>[data-edgeseg-close]:last-child){position:absolute;top:.75rem;right:.75rem;width:2.75rem;height:2.75rem;font-size:1.25rem}
`;
let sheet: CSSStyleSheet | undefined;

/** A sheet made by script is no inline style to a content security policy. */
export const addStyle = (): void => {
  if (sheet) return;
  sheet = new CSSStyleSheet();
  sheet.replaceSync(RULES.replaceAll("\n", ""));
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
};
