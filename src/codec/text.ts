const invalidText: unique symbol = Symbol("kubemq.invalidText");

/** Marks a message with a string that was not UTF-8 on the wire and was decoded with U+FFFD. */
export function markInvalidText(message: object): void {
  // Not enumerable, so that comparing and copying the message is not affected.
  Object.defineProperty(message, invalidText, { value: true });
}

/** Whether a string of this message, or of a message within it, was not UTF-8 on the wire. */
export function hasInvalidText(message: object): boolean {
  return (message as { readonly [invalidText]?: true })[invalidText] === true;
}
