type Tags = Readonly<Record<string, string>>;

/** Adds the context of a call to the tags of what the call sends. */
export type Carry = (tags: Tags | undefined) => Tags | undefined;

/**
 * Observes the calls that a received message offers, such as `ack` and `respond`. Runs `call` once
 * and returns its promise. `messages` are those that the call settles, if not the message itself.
 */
export type CallHook = <R>(
  name: string,
  call: (carry: Carry) => Promise<R>,
  messages?: () => readonly object[],
) => Promise<R>;

/** Sets the hook of one message or batch. Called at most once, before the application has it. */
export const setCallHook = Symbol("kubemq-es.setCallHook");

export interface Hooked {
  [setCallHook](hook: CallHook): void;
}

export function isHooked(message: object): message is Hooked {
  return setCallHook in message;
}
