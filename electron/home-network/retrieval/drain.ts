import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';

/** small messages under way at once; memory holds no more than those */
const AT_ONCE = 64;
/** octets above which a message goes by itself, so that none overtakes it */
const SMALL = 10_240;

export interface Draining<T> {
  content(item: T): Promise<Uint8Array>;
  /** resolves when the other side has answered for all of it */
  send(content: Uint8Array): Promise<void>;
  /** the other side has it */
  settle(item: T): Promise<unknown>;
  /** octets of the largest message that is taken, null for no limit */
  readonly maxSize: number | null;
}

/** Errors that are about one message and not about the session. */
const OF_ONE: readonly CodedError['code'][] = ['msrp.stopped', 'msrp.refused', 'request.not-found'];

/**
 * Sends them in their order, many under way at once. Each one is settled by its own answer, so what breaks off loses nothing: it is sent again.
 * @returns those that did not get there, and what broke off the rest, null where nothing did
 */
export async function drain<T>(
  items: readonly T[],
  parts: Draining<T>,
): Promise<{ readonly left: readonly T[]; readonly broken: CodedError | null }> {
  const left = new Set<T>(items);
  const underWay = new Set<Promise<void>>();
  let broken: CodedError | null = null;
  const failed = (thrown: unknown): void => {
    const error = toCodedError(thrown);
    if (!OF_ONE.includes(error.code)) broken ??= error;
  };
  const begin = (item: T, content: Uint8Array): void => {
    const sending: Promise<void> = parts
      .send(content)
      .then(() => parts.settle(item))
      .then(() => {
        left.delete(item);
      })
      .catch(failed)
      .finally(() => underWay.delete(sending));
    underWay.add(sending);
  };
  for (const item of items) {
    try {
      const content = await parts.content(item);
      if (parts.maxSize !== null && content.length > parts.maxSize) continue;
      const isSmall = content.length <= SMALL;
      while (underWay.size >= (isSmall ? AT_ONCE : 1)) await Promise.race(underWay);
      if (broken !== null) break;
      begin(item, content);
      if (!isSmall) await Promise.all(underWay);
    } catch (thrown) {
      failed(thrown);
    }
    if (broken !== null) break;
  }
  await Promise.all(underWay);
  return { left: [...left], broken };
}
