import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Message } from '../../shared/model/message.ts';
import { FilePeer } from '../harness/file-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
let people: TwoPeople;
let bob: Person;
let mallory: FilePeer;

beforeAll(async () => {
  people = await twoPeople(folder, { maxFileSize: 1_000_000 });
  bob = people.bob;
  mallory = await FilePeer.start(people.accountOf('mallory'));
});
afterAll(async () => {
  await mallory?.close();
  await people?.close();
});

const octets = (text: string) => new TextEncoder().encode(text);
const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');
/** the only m-line of an offer, as often as wanted */
const lines = (text: string, change: (line: string, index: number) => string, count: number) => {
  const at = text.indexOf('m=');
  return text.slice(0, at) + Array.from({ length: count }, (_, index) => change(text.slice(at), index)).join('');
};
const other = (line: string, index: number) =>
  line
    .replace(/file-transfer-id:(.{10})/, (_, id) => `file-transfer-id:${index}${id}`)
    .replace(/name:"[^"]*"/, `name:"file ${index}.txt"`)
    .replace(/(a=path:msrp:\/\/[^/]*\/)/, `$1${index}`);

const answer = async (offer: ReturnType<FilePeer['offer']>) => (await offer.invite.answer).status;

describe('an offer of files that nobody honest makes', () => {
  test.each([
    ['a hundred m-lines', (text: string) => lines(text, other, 100), 488],
    ['thirty lines without a path', (text: string) => lines(text, (line, at) => other(line, at).replace(/a=path:[^\r]*\r\n/, ''), 30), 488],
    ['a range beyond the size', (text: string) => `${text}a=file-range:900-1200\r\n`, 488],
    ['a range that ends before it begins', (text: string) => `${text}a=file-range:9-3\r\n`, 488],
    ['a range of nothing', (text: string) => `${text}a=file-range:0-0\r\n`, 488],
    ['a part of a file that is not here', (text: string) => `${text}a=file-range:3-5\r\n`, 488],
    ['a direction that is none', (text: string) => text.replace('a=sendonly', 'a=inactive'), 488],
    ['more than the limit', (text: string) => text.replace(/size:\d+/, 'size:99999999999999'), 403],
  ])('%s is refused, and nobody is asked', async (name, sdp, status) => {
    const before = bob.told.length;
    expect(await answer(mallory.offer(bob.address, { name: 'x.txt', size: 5 }, { sdp }))).toBe(status);
    const asked = bob.told.slice(before).filter((entry) => (entry.payload as Partial<Message>).transfer?.state === 'offered');
    expect([name, asked]).toEqual([name, []]);
  });

  test('twenty of thirty files are asked about, the same id once, and what cannot be taken is left out', async () => {
    const before = bob.told.length;
    const sdp = (text: string) =>
      lines(
        text,
        (line, at) => (at % 10 === 9 ? other(line, 0) : at % 10 === 8 ? other(line, at).replace(/a=path:[^\r]*\r\n/, '') : other(line, at)),
        30,
      );
    const { invite } = mallory.offer(bob.address, { name: 'x.txt', size: 5 }, { sdp });
    await bob.seesMessage((message) => message.transfer?.name === 'file 0.txt');
    await invite.end();
    await bob.seesMessage((message) => message.transfer?.name === 'file 20.txt' && message.transfer.state === 'cancelled');
    const names = new Set(bob.told.slice(before).map((entry) => (entry.payload as Partial<Message>).transfer?.name));
    names.delete(undefined);
    expect(names.size).toBe(20);
  });

  test('a push and a question in one offer are two cards, each with its own way', async () => {
    const sdp = (text: string) =>
      lines(text, (line, at) => other(line, at + 50).replace('a=sendonly', at === 0 ? 'a=sendonly' : 'a=recvonly'), 2);
    const content = 'for both';
    const { invite } = mallory.offer(bob.address, { name: 'x.txt', size: content.length, sha1: sha1(content) }, { sdp });
    const pushed = await bob.seesMessage((message) => message.transfer?.name === 'file 50.txt');
    const wished = await bob.seesMessage((message) => message.transfer?.name === 'file 51.txt');
    expect([pushed.transfer?.direction, wished.transfer?.direction]).toEqual(['in', 'out']);
    await bob.call['transfers.decline']({ transferId: pushed.transfer?.id as number });
    await bob.call['transfers.decline']({ transferId: wished.transfer?.id as number });
    expect((await invite.answer).status).toBe(603);
  });

  test('R-FTR-09: after all of that an honest file arrives', async () => {
    const content = 'honest';
    const { send, invite } = mallory.offer(bob.address, { name: 'honest.txt', size: content.length, sha1: sha1(content) });
    const sending = send(octets(content));
    const offered = await bob.seesMessage((message) => message.transfer?.name === 'honest.txt');
    await bob.call['transfers.accept']({ transferId: offered.transfer?.id as number });
    await sending;
    await bob.seesMessage((message) => message.transfer?.name === 'honest.txt' && message.transfer.state === 'done');
    expect(await readFile(join(bob.downloads, 'honest.txt'), 'utf8')).toBe(content);
    await invite.end();
  });
});
