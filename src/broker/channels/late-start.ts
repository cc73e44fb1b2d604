import type { BrokerCore } from "../service.js";

/**
 * Starts a subscription when the profile says that it begins to work, which may be at once. `start` returns what stops it.
 *
 * @returns what stops the subscription, or keeps it from starting
 */
export function startLate({ profile, clock, random }: BrokerCore, start: () => () => void): () => void {
  const [shortest, longest] = profile.subscriptionDelayMs;
  if (longest === 0) return start();
  let stop = () => {};
  const cancel = clock.setTimer(shortest + random() * (longest - shortest), () => {
    stop = start();
  });
  return () => {
    cancel();
    stop();
  };
}
