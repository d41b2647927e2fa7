/** What the page calls, and others have made. */

/** Be told of the arguments before each call of a method. */
export const onCall = <Name extends string, Args extends never[]>(
  object: Record<Name, (...args: Args) => unknown>,
  name: Name,
  listener: (args: Args) => unknown,
): void => {
  const original = object[name];
  object[name] = (...args) => {
    listener(args);
    return original.apply(object, args);
  };
};
