import type { BrokerCore } from "../service.js";

/**
 * Starts a subscription after the profile's delay, which may be zero.
 *
 * @returns a function that stops the subscription, or cancels its start
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
