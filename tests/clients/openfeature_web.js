// OpenFeature's web SDK and its OFREP provider, for pages of the tests: `window.flags`.
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
import { OpenFeature, ProviderEvents } from "@openfeature/web-sdk";

window.flags = { OFREPWebProvider, OpenFeature, ProviderEvents };
