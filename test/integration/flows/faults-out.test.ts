import { appendFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { transferCard } from '../../../renderer/features/files/transfer-card.ts';
import type { ExamplePeer, Line } from '../../harness/flow/example-peer.ts';
import { Flow, sendFile } from '../../harness/flow/flow-person.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import type { Person } from '../../harness/two-people.ts';

/** What is wrong in how the other side takes a file, and what its sender reads on the card of the file. */
const flow = new Flow(temporaryFolder());
const SIZE = 300_000;
const CONTENT = Buffer.alloc(SIZE, 'the survey of the east ridge took four days. ');
let peer: ExamplePeer;
let alice: Person;
beforeAll(async () => {
  ({ peer, person: alice } = await flow.start('alice', { host: '203.0.113.20', port: 20_700 }, { fileLingerMs: 0 }));
  peer.obliging = true;
});
afterAll(() => flow.end());

const AT_REST = /^(?:done|declined|expired|cancelled|interrupted|quarantined|failed|paused)$/;
const INTERRUPTED = /^Interrupted(?: after \S+ of 300(?:\.0)? kB)? · The connection for the file was lost$/;
const failed = (words: string) => new RegExp(`^Not transferred · ${words}$`);

const STOPPED = failed('The other side stopped the transfer');
const GARBLED = failed('The answer of Bob could not be understood');
const UNABLE = failed('Bob uses a program that cannot receive this');
const CHANGED = failed('The file changed while it was sent');

interface Fault {
  /** of the session description that takes the file */
  readonly answer?: (text: string) => string;
  /** once the INVITE is there, before it is answered */
  readonly before?: (path: string) => Promise<unknown>;
  /** once the first chunk is there */
  readonly act?: (line: Line, chunk: string, path: string) => Promise<unknown> | unknown;
  readonly state: string;
  readonly words: RegExp;
}

/** octets of an answer to that chunk */
function answerOf(chunk: string, status: string): string {
  const path = (name: string): string => new RegExp(`\r\n${name}: (\\S+)`).exec(chunk)?.[1] ?? '';
  const id = /^MSRP (\S+)/.exec(chunk)?.[1];
  return `MSRP ${id} ${status}\r\nTo-Path: ${path('From-Path')}\r\nFrom-Path: ${path('To-Path')}\r\n-------${id}$\r\n`;
}

const cut = (status: string, at: (answer: string) => number) => (line: Line, chunk: string) => {
  const answer = answerOf(chunk, status);
  line.write(answer.slice(0, at(answer)));
  setTimeout(() => line.destroy(), 50);
};
const says = (status: string) => (line: Line, chunk: string) => line.write(answerOf(chunk, status));
/** takes all that comes, and answers it */
async function takesAll(line: Line, chunk: string): Promise<void> {
  for (let text = chunk; ; text = (await line.next((each) => / SEND\r\n/.test(each), 'a chunk')).toString('latin1')) {
    line.write(answerOf(text, '200 OK'));
    if (/\$\r\n$/.test(text)) return;
  }
}
function report(chunk: string, status: string): string {
  const path = (name: string): string => new RegExp(`\r\n${name}: (\\S+)`).exec(chunk)?.[1] ?? '';
  return `MSRP r3p0rt11 REPORT\r\nTo-Path: ${path('From-Path')}\r\nFrom-Path: ${path('To-Path')}\r\nMessage-ID: ${path('Message-ID')}\r\nByte-Range: 1-${SIZE}/${SIZE}\r\nStatus: 000 ${status}\r\n-------r3p0rt11$\r\n`;
}

const FAULTS: Record<string, Fault> = {
  'closed at the first chunk': { act: (line) => line.destroy(), state: 'interrupted', words: INTERRUPTED },
  'closed in the start line of an answer': { act: cut('200 OK', () => 9), state: 'interrupted', words: INTERRUPTED },
  'closed in a header field of an answer': {
    act: cut('200 OK', (answer) => answer.indexOf('From-Path') + 20),
    state: 'interrupted',
    words: INTERRUPTED,
  },
  'closed in the end-line of an answer': { act: cut('200 OK', (answer) => answer.length - 4), state: 'interrupted', words: INTERRUPTED },
  'closed after an answer': { act: cut('200 OK', (answer) => answer.length), state: 'interrupted', words: INTERRUPTED },
  'closed after the last answer, before the report': {
    act: async (line, chunk) => {
      await takesAll(line, chunk);
      line.destroy();
    },
    state: 'interrupted',
    words: INTERRUPTED,
  },
  'BYE in the middle': {
    act: (line, chunk) => {
      line.write(answerOf(chunk, '200 OK'));
      peer.plays('F11-12.sip', (text) =>
        text
          .replace(/^BYE \S+/, `BYE ${/\r\nContact: <([^>]+)>/.exec(invite)?.[1]}`)
          .replace(/From: (.*)\r\nTo: (.*)\r\n/, 'From: $2\r\nTo: $1\r\n')
          .replace(/Route: .*\r\n/, ''),
      );
    },
    state: 'interrupted',
    words: INTERRUPTED,
  },
  ...Object.fromEntries(
    ['400 Bad Request', '403 Forbidden', '415 Media Type Not Understood', '423 Out of Bounds', '501 Unknown Method', '599 Whatever'].map(
      (status) => [`${status} to a chunk`, { act: says(status), state: 'failed', words: failed('The other side refused the file') }],
    ),
  ),
  '481 to a chunk': { act: says('481 Session Does Not Exist'), state: 'interrupted', words: /^Interrupted/ },
  '506 to a chunk': { act: says('506 Bound to Another Connection'), state: 'interrupted', words: /^Interrupted/ },
  '408 to a chunk': { act: says('408 Timeout'), state: 'interrupted', words: /^Interrupted/ },
  '413 to a chunk': { act: says('413 Stop Sending'), state: 'failed', words: STOPPED },
  'a failure report': { act: (line, chunk) => line.write(report(chunk, '413 Stop')), state: 'failed', words: STOPPED },
  'a failure report after the last answer': {
    act: async (line, chunk) => {
      await takesAll(line, chunk);
      line.write(report(chunk, '413 Stop'));
    },
    state: 'failed',
    words: STOPPED,
  },
  'an answer in no protocol': {
    act: (line) => line.write('HTTP/1.1 200 OK\r\n\r\n'),
    state: 'failed',
    words: failed('The answer could not be understood'),
  },
  'an answer to something else first': {
    act: async (line, chunk) => {
      line.write(answerOf(chunk, '413 Stop').replaceAll(/(?<=MSRP |-------)[^ $]+/g, 'n0tyour5'));
      await takesAll(line, chunk);
      line.write(report(chunk, '200 OK'));
    },
    state: 'done',
    words: /^300 kB · Sent$/,
  },
  'port 0': { answer: (text) => text.replace(/m=message \d+/, 'm=message 0'), state: 'declined', words: /^300 kB · Declined by Bob$/ },
  'nobody listens where it says': {
    answer: (text) => text.replace(/(a=path:msrp:\/\/[\d.]+:)\d+/, '$19').replace(/m=message \d+/, 'm=message 9'),
    state: 'interrupted',
    words: /^Interrupted · No connection for the file could be made$/,
  },
  'no path': { answer: (text) => text.replace(/a=path:.*\r\n/, ''), state: 'failed', words: GARBLED },
  'the file-transfer-id of another file': {
    answer: (text) => text.replace(/(a=file-transfer-id:).*/, '$1anotherFileTransferIdanotherFile'),
    state: 'failed',
    words: GARBLED,
  },
  'another range': { answer: (text) => `${text}a=file-range:1000-300000\r\n`, state: 'failed', words: UNABLE },
  'types that are not taken': {
    answer: (text) => text.replace(/(a=accept-types:).*/, '$1text/plain').replace(/a=accept-wrapped-types:.*\r\n/, ''),
    state: 'failed',
    words: UNABLE,
  },
  'a limit below the size': {
    answer: (text) => text.replace(/(a=max-size:).*/, '$11000'),
    state: 'failed',
    words: failed('Too large for Bob'),
  },
  'more lines than were offered': { answer: (text) => `${text}${text.slice(text.indexOf('m=message'))}`, state: 'failed', words: GARBLED },
  'fewer lines than were offered': { answer: (text) => text.slice(0, text.indexOf('m=message')), state: 'failed', words: GARBLED },
  'a line of something else': { answer: (text) => text.replace(/m=message .*/, 'm=audio 9 RTP/AVP 0'), state: 'failed', words: GARBLED },
  'nobody who sends and nobody who receives': {
    answer: (text) => text.replace('a=recvonly', 'a=inactive'),
    state: 'failed',
    words: UNABLE,
  },
  'no description': { answer: () => '', state: 'failed', words: failed('The answer could not be understood') },
  'the file changed before it was accepted': { before: (path) => appendFile(path, 'more'), state: 'failed', words: CHANGED },
  'the file is gone before it was accepted': { before: (path) => rm(path), state: 'failed', words: failed('The file is no longer there') },
  'the file became shorter': { before: (path) => writeFile(path, 'short'), state: 'failed', words: CHANGED },
};
let invite = '';

/** after the SEND without a body that ties the connection to the session */
async function firstChunk(line: Line): Promise<string> {
  for (;;) {
    const text = (await line.next((each) => / SEND\r\n/.test(each), 'a chunk')).toString('latin1');
    if (!text.includes('\r\nByte-Range: 1-0/0\r\n')) return text;
    line.write(answerOf(text, '200 OK'));
  }
}

describe('a file that is sent', () => {
  test.each(Object.entries(FAULTS))('%s', async (what, { before, answer, act, state, words }) => {
    peer.again();
    const path = join(flow.folder, `${what.replaceAll(' ', '-')}.jpg`);
    const imdnId = await sendFile(alice, 'sip:bob@home2.example', path, CONTENT);
    invite = await peer.takes('F11-01.sip', [], (text) => text.includes(basename(path)));
    await before?.(path);
    peer.plays('F11-03.sip', (text) => {
      const [head = '', description = ''] = text.replace(/a=file-(?:selector|range):.*\r\n/g, '').split('\r\n\r\n');
      return `${head}\r\n\r\n${answer?.(description) ?? description}`;
    });
    if (act) {
      const line = await peer.accepts();
      await act(line, await firstChunk(line), path);
    } else {
      peer
        .accepts()
        .then(firstChunk)
        .catch(() => undefined);
    }
    const ended = await alice.seesMessage((message) => message.imdnId === imdnId && AT_REST.test(message.transfer?.state ?? ''));
    if (ended.transfer === null) throw new Error('no file');
    const { line } = transferCard(ended.transfer, { transferred: ended.transfer.transferred, rate: 0, secondsLeft: null }, 'Bob');
    // or it is taken up again
    await alice.call['transfers.cancel']({ transferId: ended.transfer.id });
    expect({ state: ended.transfer.state, line }).toEqual({ state, line: expect.stringMatching(words) });
    // it would go on by itself
    await alice.call['transfers.cancel']({ transferId: ended.transfer.id });
  });
});
