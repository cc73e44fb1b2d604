const invalidText: unique symbol = Symbol("kubemq.invalidText");

/** Notes that a string of this message was not UTF-8 on the wire, and was read with U+FFFD in its place. */
export function markInvalidText(message: object): void {
  // Not enumerable: to whatever compares or copies messages it is the same message.
  Object.defineProperty(message, invalidText, { value: true });
}

/** Whether a string of this message, or of a message within it, was not UTF-8 on the wire. */
export function hasInvalidText(message: object): boolean {
  return (message as { readonly [invalidText]?: true })[invalidText] === true;
}
