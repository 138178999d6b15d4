import { createHash, randomFillSync } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { FilePeer } from '../harness/file-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const LONG = 'The survey of the east ridge took four days. '.repeat(100).trim();
const CLUB = 'sip:climbing-club@parley.example';
const READERS = 'sip:readers@parley.example';
const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');

describe('what goes to several, by way of the home network', () => {
  const folder = temporaryFolder();
  let people: TwoPeople;
  let alice: Person;
  let bob: Person;
  let carol: Person;

  beforeAll(async () => {
    people = await twoPeople(folder, {
      guests: ['carol', 'dave'],
      network: {
        groups: [
          { name: 'climbing-club', members: ['alice', 'bob', 'carol', 'mallory'] },
          { name: 'readers', members: ['mallory', 'bob'], refusesFiles: true },
        ],
      },
    });
    ({ alice, bob } = people);
    carol = await people.device('carol', 'carol');
  }, 60_000);
  afterAll(() => people?.close());

  test('a large text to a group reaches each member once, in the group’s name, and tells its writer so', async () => {
    const { id } = await alice.call['conversations.open']({ address: CLUB });
    const sent = await alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: LONG });
    for (const reader of [bob, carol]) {
      const received = await reader.seesMessage((message) => message.imdnId === sent.imdnId);
      expect([received.text, received.alsoTo]).toEqual([LONG, [CLUB]]);
    }
    await alice.seesMessage((message) => message.imdnId === sent.imdnId && message.status === 'delivered');
  });

  test('a large text to a list is one upload, and says for each what became of it', async () => {
    const dave = 'sip:dave@parley.example';
    const list = await alice.call['conversations.openList']({ addresses: [bob.address, carol.address, dave] });
    const { id, imdnId } = await alice.call['messages.sendText']({ conversationId: list.id, clientId: randomToken(24), text: LONG });
    await Promise.all([bob, carol].map((reader) => reader.seesMessage((message) => message.imdnId === imdnId && message.text === LONG)));
    const stateOf = async () =>
      (await alice.call['messages.info']({ messageId: id })).recipients.map(({ address, status }) => `${address} ${status}`).sort();
    // nobody is signed in as Dave
    await expect
      .poll(stateOf, { timeout: 15_000 })
      .toEqual([`${bob.address} delivered`, `${carol.address} delivered`, `${dave} failed`].sort());
  });

  test('R-CF-01: a file to a group is sent once and offered to each member, who takes it in his own time', async () => {
    const mallory = await FilePeer.start(people.accountOf('mallory'));
    const octets = randomFillSync(Buffer.alloc(3 << 20));
    const { send, invite } = mallory.offer(CLUB, { name: 'map.bin', size: octets.length, sha256: sha256(octets) });
    await send(octets);
    await invite.end();
    for (const reader of [bob, carol]) {
      const offered = await reader.seesMessage((message) => message.transfer?.name === 'map.bin' && message.transfer.state === 'offered');
      await reader.call['transfers.accept']({ transferId: offered.transfer?.id as number });
      const done = await reader.seesMessage((message) => message.transfer?.name === 'map.bin' && message.transfer.state === 'done');
      expect(sha256(await readFile(join(reader.downloads, done.transfer?.savedAs as string)))).toBe(sha256(octets));
    }
    // Alice was asked too and has not answered; nothing of it has a name on the disk
    const named = async (): Promise<string[]> => (await readdir(tmpdir())).filter((name) => name.startsWith('parley-spool-'));
    // another test's has its name for a moment
    await expect.poll(named).toEqual([]);
    await mallory.close();
  });

  test.each([
    ['R-FT-03: to a group', async () => (await alice.call['conversations.open']({ address: CLUB })).id],
    [
      'R-FT-02: to a list',
      async () => (await alice.call['conversations.openList']({ addresses: [bob.address, carol.address, 'sip:dave@parley.example'] })).id,
    ],
  ])('%s: a person’s file leaves once, and each of them decides', async (name, open) => {
    const path = join(folder, `${name.slice(0, 7)}.bin`);
    const octets = randomFillSync(Buffer.alloc(2 << 20));
    await writeFile(path, octets);
    const { token } = await alice.client.offerFile(path);
    const { id, imdnId } = await alice.call['files.send']({ conversationId: await open(), clientId: randomToken(24), token });
    const fits = (message: Message, state: string) => message.imdnId === imdnId && message.transfer?.state === state;
    await alice.seesMessage((message) => fits(message, 'done'), 30_000);
    const [taken, declined] = await Promise.all(
      [bob, carol].map((reader) => reader.seesMessage((message) => fits(message, 'offered'), 30_000)),
    );
    await bob.call['transfers.accept']({ transferId: taken?.transfer?.id as number });
    await carol.call['transfers.decline']({ transferId: declined?.transfer?.id as number });
    const done = await bob.seesMessage((message) => fits(message, 'done'));
    expect(sha256(await readFile(join(bob.downloads, done.transfer?.savedAs as string)))).toBe(sha256(octets));
    const stateOf = async (): Promise<string[]> =>
      (await alice.call['messages.info']({ messageId: id })).recipients.map(({ address, status }) => `${address} ${status}`);
    const missed = name.includes('list') ? ['sip:dave@parley.example failed'] : [];
    await expect
      .poll(stateOf, { timeout: 20_000 })
      .toEqual(expect.arrayContaining([`${bob.address} delivered`, `${carol.address} failed`, ...missed]));
  });

  test('R-CF-04 R-CF-05: a group that takes no files says so', async () => {
    const mallory = await FilePeer.start(people.accountOf('mallory'));
    const { invite } = mallory.offer(READERS, { name: 'map.bin', size: 10 });
    const { status, headers } = await invite.answer;
    const warning = headers.find(({ name }) => name === 'Warning')?.value;
    expect([status, warning]).toEqual([403, '399 parley.example "122 Function not allowed"']);
    await mallory.close();
  });
});
