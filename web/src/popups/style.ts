/** How a popup looks where the page says nothing: with `:where`, any rule of the page wins. */

const POPUP = ":where(.edgeseg-popup)";
const CLOSE = ":where(.edgeseg-popup>div>[data-edgeseg-close]:last-child)";
const RULES =
  `${POPUP}{box-sizing:border-box;width:30rem;max-width:calc(100vw - 2rem);` +
  "max-height:calc(100dvh - 2rem);overflow:auto;overflow-wrap:anywhere;margin:auto;padding:1.5rem;border:1px solid #8884;" +
  "border-radius:.75rem;box-shadow:0 1rem 4rem #0006}" +
  `${POPUP}:where(:not(:modal)){position:fixed;inset:auto auto 1rem 1rem;margin:0;` +
  "z-index:2147483647}" +
  `${POPUP} :where(h2){margin:0 3rem 1rem 0;outline:0}` +
  `${CLOSE}{position:absolute;top:.75rem;right:.75rem;width:2.75rem;height:2.75rem;` +
  "border:0;background:none;color:inherit;font-size:1.5rem;cursor:pointer}";
let sheet: CSSStyleSheet | undefined;

/** A sheet made by script is no inline style to a content security policy. */
export const addStyle = (): void => {
  if (sheet) return;
  sheet = new CSSStyleSheet();
  sheet.replaceSync(RULES);
  document.adoptedStyleSheets.push(sheet);
};
