/** Where the visitor is: fragments are no pages of their own. */

export const pageAddress = (): string => location.href.split("#")[0]!;
