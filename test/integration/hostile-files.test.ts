import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Message } from '../../shared/model/message.ts';
import { FilePeer } from '../harness/file-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const LIMIT = 1_000_000;
const folder = temporaryFolder();
let people: TwoPeople;
let bob: Person;
let mallory: FilePeer;

beforeAll(async () => {
  people = await twoPeople(folder, { maxFileSize: LIMIT });
  bob = people.bob;
  mallory = await FilePeer.start(people.accountOf('mallory'));
});
afterAll(async () => {
  await mallory?.close();
  await people?.close();
});

const octets = (text: string) => new TextEncoder().encode(text);
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
const ending = (name: string, state: string) =>
  bob.seesMessage((message) => message.transfer?.name === name && message.transfer.state === state);

async function accept(test: (message: Message) => boolean): Promise<Message> {
  const offered = await bob.seesMessage((message) => message.transfer?.state === 'offered' && test(message));
  await bob.call['transfers.accept']({ transferId: offered.transfer?.id as number });
  return offered;
}

describe('a sender that lies', () => {
  test('R-FTR-09: content that differs from its hash is quarantined, said, and never in the download folder', async () => {
    const honest = octets('what was announced');
    const other = octets('something evil! 18');
    const { send, invite } = mallory.offer(bob.address, { name: 'letter.txt', size: other.length, sha256: sha256(honest) });
    const sending = send(other).then(
      () => null,
      (error: Error) => error,
    );
    await accept((message) => message.transfer?.name === 'letter.txt');
    const kept = await ending('letter.txt', 'quarantined');
    expect(kept.transfer?.error?.code).toBe('file.hash-mismatch');
    expect(kept.transfer?.savedAs).toBeNull();
    expect(await sending).not.toBeNull();
    expect(existsSync(join(bob.downloads, 'letter.txt'))).toBe(false);
    const [held] = await readdir(join(bob.data, 'quarantine'));
    expect(await readFile(join(bob.data, 'quarantine', held as string))).toEqual(Buffer.from(other));
    await expect(bob.call['transfers.open']({ transferId: kept.transfer?.id as number })).rejects.toMatchObject({
      code: 'request.invalid-state',
    });
    await invite.end();
  });

  test('more octets than announced are stopped; none beyond the size reaches the disk', async () => {
    const { send, invite } = mallory.offer(bob.address, { name: 'more.txt', size: 10 });
    const sending = send(new Uint8Array(500_000)).then(
      () => null,
      (error: Error) => error,
    );
    await accept((message) => message.transfer?.name === 'more.txt');
    await bob.seesMessage((message) => message.transfer?.name === 'more.txt' && /^(failed|quarantined)$/.test(message.transfer.state));
    expect(await sending).not.toBeNull();
    expect(existsSync(join(bob.downloads, 'more.txt'))).toBe(false);
    await invite.end();
  });

  test('fewer octets than announced are no file', async () => {
    const { send, invite } = mallory.offer(bob.address, { name: 'less.txt', size: 1000 });
    const sending = send(octets('only these')).catch(() => undefined);
    await accept((message) => message.transfer?.name === 'less.txt');
    await sending;
    await invite.end();
    const ended = await bob.seesMessage(
      (message) => message.transfer?.name === 'less.txt' && /^(failed|quarantined|interrupted)$/.test(message.transfer.state),
    );
    expect(ended.transfer?.error).not.toBeNull();
    expect(existsSync(join(bob.downloads, 'less.txt'))).toBe(false);
  });

  test('one that ends the call in the middle leaves an interrupted transfer', async () => {
    const { invite } = mallory.offer(bob.address, { name: 'half.txt', size: 1000 });
    await accept((message) => message.transfer?.name === 'half.txt');
    await invite.answer;
    await invite.end();
    expect((await ending('half.txt', 'interrupted')).transfer?.error?.code).toBe('msrp.lost');
  });
});

describe('an offer that cannot be put before a person', () => {
  const refused = async (offer: ReturnType<FilePeer['offer']>) => (await offer.invite.answer).status;

  test('R-FTR-05: no file-selector is refused with 488', async () => {
    const offer = mallory.offer(bob.address, { name: 'x', size: 5 }, { sdp: (text) => text.replace(/a=file-selector:[^\r]*\r\n/, '') });
    expect(await refused(offer)).toBe(488);
  });

  test('R-AD-11: above the limit is refused with 403 and 133 Size exceeded', async () => {
    const offer = mallory.offer(bob.address, { name: 'huge.bin', size: LIMIT + 1 });
    const answer = await offer.invite.answer;
    expect(answer.status).toBe(403);
    expect(answer.headers.find((header) => header.name === 'Warning')?.value).toContain('133 Size exceeded');
  });

  test.each([
    ['no session description at all', () => 'hello'],
    ['a session description cut short', (text: string) => text.slice(0, 60)],
    ['an m-line that is audio', (text: string) => text.replace(/m=message \d+ TCP\/MSRP \*/, 'm=audio 4000 RTP/AVP 0')],
    ['no path', (text: string) => text.replace(/a=path:[^\r]*\r\n/, '')],
    ['a hundred thousand characters in one line', (text: string) => text.replace('s=-', `s=${'x'.repeat(100_000)}`)],
  ])('%s is refused with 4xx, and the next offer is taken', async (name, sdp) => {
    const status = await refused(mallory.offer(bob.address, { name: 'broken.txt', size: 5 }, { sdp }));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    const next = mallory.offer(bob.address, { name: `after ${name}.txt`, size: 5 });
    await bob.seesMessage((message) => message.transfer?.name === `after ${name}.txt`);
    await next.invite.end();
  });
});

describe('names', () => {
  test.each([
    ['../../x', 'x'],
    ['..\\..\\windows\\system.ini', 'system.ini'],
    ['CON.txt', null],
    ['a\u202Egpj.exe', 'a_gpj.exe'],
    ['🙂'.repeat(300), null],
    ['a\nb\0c.txt', null],
    ['', null],
    ['...', null],
  ])('%j is saved inside of the download folder under a name every system takes', async (announced, expected) => {
    const content = octets(`for ${announced.length}`);
    const { send, invite } = mallory.offer(bob.address, { name: announced, size: content.length, sha256: sha256(content) });
    const before = bob.told.length;
    const sending = send(content);
    const offered = await accept((message) => bob.told.slice(before).some((entry) => (entry.payload as Message).id === message.id));
    await sending;
    const done = await bob.seesMessage((message) => message.id === offered.id && message.transfer?.state === 'done');
    const path = bob.saved(done);
    expect(Buffer.byteLength(basename(path))).toBeLessThanOrEqual(255);
    expect(basename(path)).not.toMatch(/[\p{Cc}\p{Bidi_Control}/\\:*?"<>|]|^\.|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/iu);
    if (expected !== null) expect(basename(path)).toContain(expected.replace(/^.*[\\/]/, ''));
    expect(await readFile(path)).toEqual(Buffer.from(content));
    await invite.end();
  });
});
