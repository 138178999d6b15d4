/** Time as a port, so that states and timers can be tested without waiting. Milliseconds throughout. */
export interface Clock {
  /** since the epoch */
  now(): number;
  /** @returns a function that cancels the call */
  after(milliseconds: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer as never);
  },
};

/** Goes on when that is over, or after so many milliseconds. Rejects as it does. */
export async function atMost(milliseconds: number, clock: Pick<Clock, 'after'>, ending: Promise<unknown>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const cancel = clock.after(milliseconds, resolve);
    ending.then(() => resolve(), reject).finally(cancel);
  });
}
