import { NO_BYTES } from '../../../../shared/base/bytes.ts';
import { ParleyError } from '../../../../shared/base/errors.ts';
import type { IncomingHead, MessageSink } from '../../../msrp/port.ts';
import { CPIM_HEAD, type Spool, type Spooled } from '../../focus/spool.ts';

/** octets that are taken in memory; what is more goes to the disk as it comes */
const IN_MEMORY = 32_768;

/** One message as it came. */
export interface Whole {
  readonly size: number;
  /** the first octets, as many as header fields may take: all of it where it is in memory */
  readonly head: Uint8Array;
  /** null: it is in memory. Released when it was taken */
  readonly spooled: Spooled | null;
}

/** Takes a message in, in a little memory whatever its size is. @param take resolves when it may be answered */
export function intake(
  { total }: Pick<IncomingHead, 'total'>,
  host: { readonly spool: Spool; readonly maxMessage: number },
  take: (whole: Whole) => Promise<void>,
): MessageSink | { readonly refuse: 413; readonly comment: string } {
  const { maxMessage, spool } = host;
  if ((total ?? 0) > maxMessage) return { refuse: 413, comment: `At most ${maxMessage} octets` };
  let parts: { readonly offset: number; readonly octets: Uint8Array }[] = [];
  let held = 0;
  let spooled: Spooled | null = null;
  let isOver = false;
  const release = (): void => {
    isOver = true;
    parts = [];
    spooled?.release();
  };
  const toDisk = async (offset: number, octets: Uint8Array): Promise<void> => {
    if (spooled === null) {
      const opened = await spool.open(total ?? 0);
      spooled = opened;
      if (isOver) return opened.release();
      for (const part of parts.splice(0)) await opened.write(part.offset, part.octets);
    }
    await spooled.write(offset, octets);
  };
  return {
    write(offset, octets) {
      if (offset + octets.length > maxMessage) throw new ParleyError('msrp.too-large', `more than ${maxMessage} octets`);
      held += octets.length;
      if (spooled !== null || offset + octets.length > IN_MEMORY || held > 2 * IN_MEMORY) return toDisk(offset, octets);
      parts.push({ offset, octets: octets.slice() });
      return undefined;
    },
    async complete(size) {
      try {
        const head = spooled === null ? assemble(parts, size) : await spooled.head(CPIM_HEAD);
        await take({ size, head, spooled });
      } finally {
        release();
      }
    },
    abort: release,
  };
}

/** Chunks placed by their Byte-Range; where two overlap the later one wins (RFC 4975 section 7.3.1). Together they cover all of `size`. */
function assemble(parts: readonly { readonly offset: number; readonly octets: Uint8Array }[], size: number): Uint8Array {
  const [only] = parts;
  if (only === undefined) return NO_BYTES;
  if (parts.length === 1) return only.octets;
  const whole = new Uint8Array(size);
  for (const { offset, octets } of parts) whole.set(octets.subarray(0, Math.max(0, size - offset)), offset);
  return whole;
}
