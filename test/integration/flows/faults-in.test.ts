import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { transferCard } from '../../../renderer/features/files/transfer-card.ts';
import type { Message } from '../../../shared/model/message.ts';
import type { Line } from '../../harness/flow/example-peer.ts';
import { F11_CONTENT as CONTENT, F11Sender } from '../../harness/flow/f11-sender.ts';
import { Flow } from '../../harness/flow/flow-person.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

/** What is wrong in what arrives, and what the person reads on the card of the file. */
const flow = new Flow(temporaryFolder());
let alice: F11Sender;
beforeAll(async () => {
  const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_030 });
  alice = new F11Sender(peer, person);
  await alice.isKnown();
});
afterAll(() => flow.end());

const FINAL = /^(?:done|declined|expired|cancelled|interrupted|quarantined|failed|paused)$/;

/** state and words of the card, once the transfer stands still */
async function reads(offer: Message): Promise<readonly [string, string]> {
  const ended = await alice.person.seesMessage(({ id, transfer }) => id === offer.id && FINAL.test(transfer?.state ?? ''));
  return [ended.transfer?.state ?? '', wordsOf(ended)];
}

function wordsOf({ transfer }: Message): string {
  if (transfer === null) throw new Error('no file');
  return transferCard(transfer, { transferred: transfer.transferred, rate: 0, secondsLeft: null }, 'Alice').line;
}

const first = () => alice.chunk('1-2048/5000', CONTENT.subarray(0, 2048), '+');
const rest = () => alice.chunk('2049-5000/5000', CONTENT.subarray(2048), '$');
const both = () => Buffer.concat([first(), rest()]);
/** so many of the octets, and then the connection is gone */
const cut = (make: () => Buffer, at: (octets: Buffer) => number) => (line: Line) => {
  const octets = make();
  line.write(octets.subarray(0, at(octets)));
  setTimeout(() => line.destroy(), 50);
};
const send =
  (...make: (() => Buffer)[]) =>
  (line: Line) => {
    for (const each of make) line.write(each());
  };
const chunk = (range: string, octets: Uint8Array, flag: '$' | '+' | '#' = '$') => send(() => alice.chunk(range, octets, flag));
const part = (from: number, to: number) => CONTENT.subarray(from, to);

const INTERRUPTED = /^Interrupted(?: after \S+ of 5(?:\.0)? kB)? · The connection for the file was lost$/;
const DONE = /^5 kB · Verified$/;
const QUARANTINED = /^Differs from what was announced · Kept in quarantine$/;

interface Fault {
  readonly act: (line: Line) => void;
  /** what its sender hears: the first answer to it */
  readonly answer?: number;
  /** the sender leaves by BYE: else our side would wait for another connection, or for what is missing */
  readonly bye?: true;
  readonly state: string;
  readonly words: RegExp;
}

const FAULTS: Record<string, Fault> = {
  'closed before anything came': { act: (line) => line.destroy(), bye: true, state: 'interrupted', words: INTERRUPTED },
  'closed in the start line': { act: cut(first, () => 9), bye: true, state: 'interrupted', words: INTERRUPTED },
  'closed in a header field': { act: cut(first, () => 60), bye: true, state: 'interrupted', words: INTERRUPTED },
  'closed after the header fields': {
    act: cut(first, (octets) => octets.indexOf('\r\n\r\n') + 4),
    state: 'interrupted',
    words: INTERRUPTED,
  },
  'closed in the octets': { act: cut(first, (octets) => octets.length - 1000), state: 'interrupted', words: INTERRUPTED },
  'closed in the end-line': { act: cut(first, (octets) => octets.length - 6), state: 'interrupted', words: INTERRUPTED },
  'closed between two chunks': { act: cut(first, (octets) => octets.length), state: 'interrupted', words: INTERRUPTED },
  'closed in the last end-line': { act: cut(both, (octets) => octets.length - 4), state: 'interrupted', words: INTERRUPTED },
  'closed after the last octet': { act: cut(both, (octets) => octets.length), state: 'done', words: DONE },
  'left by BYE between two chunks': { act: send(first), bye: true, answer: 200, state: 'interrupted', words: INTERRUPTED },
  'a chunk twice': { act: send(first, first, rest), answer: 200, state: 'done', words: DONE },
  'chunks that overlap': {
    act: send(first, () => alice.chunk('1025-5000/5000', part(1024, 5000), '$')),
    answer: 200,
    state: 'done',
    words: DONE,
  },
  'the last chunk first': { act: send(rest, first), answer: 200, state: 'done', words: DONE },
  'a gap': {
    act: send(first, () => alice.chunk('3001-5000/5000', part(3000, 5000), '$')),
    answer: 200,
    bye: true,
    state: 'interrupted',
    words: INTERRUPTED,
  },
  'a last chunk that is not the end': { act: chunk('1-2048/5000', part(0, 2048)), answer: 200, state: 'quarantined', words: QUARANTINED },
  'a range beyond the end': {
    act: chunk('4999-7046/5000', part(0, 2048)),
    answer: 400,
    state: 'failed',
    words: /^Not transferred · The answer could not be understood$/,
  },
  'a range that ends before it begins': {
    act: chunk('2049-1/5000', part(0, 2048)),
    answer: 400,
    bye: true,
    state: 'interrupted',
    words: INTERRUPTED,
  },
  'a range of no numbers': { act: chunk('one-two/5000', part(0, 2048)), answer: 400, bye: true, state: 'interrupted', words: INTERRUPTED },
  'a range from zero': { act: chunk('0-2047/5000', part(0, 2048)), answer: 400, bye: true, state: 'interrupted', words: INTERRUPTED },
  'a range of 2^64': {
    act: chunk('18446744073709551616-*/5000', part(0, 2048)),
    answer: 400,
    bye: true,
    state: 'interrupted',
    words: INTERRUPTED,
  },
  'a total that is larger than announced': {
    act: chunk('1-2048/9000', part(0, 2048), '+'),
    answer: 200,
    bye: true,
    state: 'interrupted',
    words: INTERRUPTED,
  },
  'a total that is smaller': { act: chunk('1-2048/2048', part(0, 2048)), answer: 200, state: 'quarantined', words: QUARANTINED },
  'more octets than the range says': { act: chunk('1-10/5000', CONTENT), answer: 200, state: 'done', words: DONE },
  'other octets than were announced': {
    act: chunk('1-5000/5000', Buffer.alloc(5000, 7)),
    answer: 200,
    state: 'quarantined',
    words: QUARANTINED,
  },
  'given up by its sender': {
    act: chunk('1-*/5000', part(0, 1000), '#'),
    answer: 200,
    state: 'interrupted',
    words: /^Stopped by Alice after 1 of 5 kB$/,
  },
  'a chunk for somebody else': {
    act: send(() =>
      alice.chunk('1-5000/5000', CONTENT, '$', (head) => head.replace(/(To-Path: \S+\/)\S+(;tcp)/, '$1somebodyElsesSession$2')),
    ),
    answer: 481,
    bye: true,
    state: 'interrupted',
    words: INTERRUPTED,
  },
  'a chunk for somebody else beside the own': {
    act: send(
      first,
      () => alice.chunk('1-10/10', part(0, 10), '$', (head) => head.replace(/(To-Path: \S+\/)\S+(;tcp)/, '$1somebodyElsesSession$2')),
      rest,
    ),
    answer: 200,
    state: 'done',
    words: DONE,
  },
  'stopped by another message in its session': {
    act: send(first, () => alice.chunk('1-10/10', part(0, 10), '$', (head) => head.replace('Message-ID: ', 'Message-ID: other'))),
    answer: 200,
    bye: true,
    state: 'interrupted',
    words: INTERRUPTED,
  },
  'no MSRP at all': { act: (line) => line.write('GET / HTTP/1.1\r\n\r\n'), bye: true, state: 'interrupted', words: INTERRUPTED },
  'a header field without end': {
    act: (line) => line.write(Buffer.concat([first().subarray(0, 60), Buffer.alloc(300_000, 0x61)])),
    bye: true,
    state: 'interrupted',
    words: INTERRUPTED,
  },
};

describe('a file that arrives', () => {
  test.each(Object.entries(FAULTS))('%s', async (what, { act, answer, bye, state, words }) => {
    const name = `${what.replaceAll(' ', '-')}.jpg`;
    const offer = await alice.offers({ name });
    const line = await alice.accepted(offer);
    act(line);
    if (answer !== undefined) {
      const octets = await line.next((text) => /^MSRP \S+ \d{3}/.test(text), 'an answer');
      expect(octets.toString('latin1')).toMatch(new RegExp(`^MSRP \\S+ ${answer}`));
    }
    if (bye) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      alice.leaves();
      line.destroy();
    }
    const [shown, line1] = await reads(offer);
    expect({ shown, line: line1 }).toEqual({ shown: state, line: expect.stringMatching(words) });
    expect(existsSync(join(alice.person.downloads, name))).toBe(state === 'done');
    line.destroy();
  });
});

describe('a file of a size of its own', () => {
  test.each([
    ['no octet', 0, '0 bytes · Verified'],
    ['one octet', 1, '1 byte · Verified'],
  ])('%s', async (what, size, words) => {
    const content = CONTENT.subarray(0, size);
    const name = `${what.replaceAll(' ', '-')}.jpg`;
    const offer = await alice.offers({ name, size, sha1: createHash('sha1').update(content).digest('hex') });
    const line = await alice.accepted(offer);
    line.write(alice.chunk(size === 0 ? '1-0/0' : '1-1/1', content, '$'));
    expect(await reads(offer)).toEqual(['done', words]);
    expect(await readFile(join(alice.person.downloads, name))).toEqual(content);
    alice.leaves();
    line.destroy();
  });

  test('beyond 4 GiB: octets at an offset of more than 32 bits are where they belong', async () => {
    const size = 2 ** 32 + 4096;
    const offer = await alice.offers({ name: 'beyond.jpg', size, sha1: '' });
    const line = await alice.accepted(offer);
    line.write(alice.chunk(`1-2048/${size}`, part(0, 2048), '+'));
    line.write(alice.chunk(`${size - 2047}-${size}/${size}`, part(2952, 5000), '+'));
    for (const _ of [1, 2])
      expect((await line.next((text) => /^MSRP \S+ \d{3}/.test(text), 'an answer')).toString('latin1')).toMatch(/^MSRP \S+ 200/);
    line.write(alice.chunk(`${size + 1}-${size + 10}/${size}`, part(0, 10), '+'));
    expect((await line.next((text) => /^MSRP \S+ \d{3}/.test(text), 'an answer')).toString('latin1')).toMatch(/^MSRP \S+ 400/);
    const [state] = await reads(offer);
    expect(state).toBe('failed');
    line.destroy();
  });

  test('beyond 4 GiB, interrupted: what came is kept at its offset', async () => {
    const size = 2 ** 32 + 4096;
    const offer = await alice.offers({ name: 'beyond-2.jpg', size, sha1: '' });
    const line = await alice.accepted(offer);
    line.write(alice.chunk(`${size - 2047}-${size}/${size}`, part(2952, 5000), '+'));
    await line.next((text) => /^MSRP \S+ 200/.test(text), 'an answer');
    line.destroy();
    const [state, words] = await reads(offer);
    expect(state).toBe('interrupted');
    expect(words).toMatch(/^Interrupted(?: after .* of 4.29 GB)? · The connection for the file was lost$/);
    const partial = await open(join(alice.person.data, 'partial', `${offer.transfer?.id}.part`));
    const kept = Buffer.alloc(2048);
    await partial.read(kept, 0, 2048, size - 2048);
    await partial.close();
    expect(kept).toEqual(part(2952, 5000));
  });
});

describe('a disk that fills up', () => {
  test('no room for the file: refused before anybody is asked; room that is gone meanwhile: stopped with 413, and said', async () => {
    const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_030 });
    const other = new F11Sender(peer, person);
    const small = join(person.data, 'partial');
    await mkdir(small, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small]);
    try {
      other.invites({ name: 'too-large.jpg', size: 5 << 20, sha1: '' });
      expect(await peer.takesAny('403 INVITE')).toMatch(/\r\nWarning: 399 \S+ "133 Size exceeded"/);
      const size = 3 << 20;
      const offer = await other.offers({ name: 'full.jpg', size, sha1: '' });
      const line = await other.accepted(offer);
      line.write(other.chunk(`1-2048/${size}`, part(0, 2048), '+'));
      await line.next((text) => /^MSRP \S+ 200/.test(text), 'an answer');
      await writeFile(join(small, 'junk'), Buffer.alloc(4 << 20)).catch(() => undefined);
      line.write(other.chunk(`2049-${size}/${size}`, Buffer.alloc(size - 2048), '$'));
      const told = await line.next((text) => /^MSRP \S+ (?:413|REPORT)/.test(text), '413');
      expect(told.toString('latin1')).toMatch(/^MSRP \S+ 413|\r\nStatus: 000 413/);
      const ended = await person.seesMessage(({ id, transfer }) => id === offer.id && transfer?.state === 'failed');
      expect(wordsOf(ended)).toBe('Not transferred · There is not enough space on the disk');
      line.destroy();
    } finally {
      execFileSync('umount', ['-l', small]);
    }
  });
});
