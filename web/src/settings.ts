/** What the script's own tag says. */

const script = document.currentScript as HTMLScriptElement;

export const settings: DOMStringMap = script.dataset;

/** Where the service is: beside the script, unless `data-endpoint` names another address. */
export const serviceAddress = settings.endpoint || script.src;

/** The visitor's browser says no; `data-gpc="ignore"` is for sites where that has no meaning. */
export const isOptedOut =
  (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl &&
  !settings.gpc;
