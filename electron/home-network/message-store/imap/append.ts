import { concatBytes, fromUtf8, NO_BYTES } from '../../../../shared/base/bytes.ts';
import { ParleyError } from '../../../../shared/base/errors.ts';
import { StructureScanner } from '../../../../shared/protocol/imap/structure.ts';
import type { Asked } from '../../databases/open.ts';
import { type Appended, CHUNK, type MailCalls } from '../storage/calls.ts';
import { wordsIn } from './words.ts';

export interface Appending {
  readonly owner: string;
  readonly mailbox: string;
  readonly flags: readonly string[];
  readonly received: number;
}

/** Puts one message into a mailbox as it comes, chunk by chunk. A message is not there before all of it is. @throws ParleyError of the calls */
export async function appendMessage(mail: Asked<MailCalls>, about: Appending, octets: AsyncIterable<Uint8Array>): Promise<Appended> {
  const { owner, mailbox, flags, received } = about;
  const bodyId = await mail.begin(owner, mailbox);
  try {
    const scanner = new StructureScanner();
    let head: Uint8Array = NO_BYTES;
    let pieces: Uint8Array[] = [];
    let held = 0;
    let number = 0;
    let total = 0;
    const write = async (all: Uint8Array): Promise<void> => {
      if (number === 0) head = all;
      await mail.chunk(bodyId, number++, all);
    };
    for await (const piece of octets) {
      scanner.push(piece);
      total += piece.length;
      pieces.push(piece);
      held += piece.length;
      while (held >= CHUNK) {
        const all = concatBytes(pieces);
        await write(all.slice(0, CHUNK));
        pieces = [all.subarray(CHUNK)];
        held -= CHUNK;
      }
    }
    if (held > 0) await write(concatBytes(pieces));
    if (total === 0) throw new ParleyError('request.invalid', 'an empty message');
    const structure = scanner.end();
    const header = fromUtf8(head.subarray(0, Math.min(structure.bodyAt, head.length)));
    return await mail.finish(bodyId, mailbox, { octets: total, header, words: wordsIn(structure, head), structure, flags, received });
  } catch (thrown) {
    await mail.drop(bodyId).catch(() => undefined);
    throw thrown;
  }
}
