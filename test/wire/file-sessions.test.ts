import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import { readOn, slowReads } from '../harness/slow-reads.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance } from '../harness/tshark.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';
import { Wire } from '../harness/wire.ts';

const hindrance = captureHindrance();
const LARGE = 48 << 20;
/** from there on it is read slowly, so that it is under way for longer than it takes to break it off */
const SLOW_FROM = 4 << 20;
const CLUB = 'sip:climbing-club@parley.example';
const FILE = 'sip.Accept-Contact contains "oma.cpm.filetransfer"';
const INVITE = `sip.Method=="INVITE" && ${FILE}`;

describe.skipIf(hindrance !== null)('the sessions of files as tshark sees them', () => {
  const folder = temporaryFolder();
  let wire: Wire;
  let people: TwoPeople;
  /** display filter: what Alice's client sends to the network */
  let fromAlice: string;
  /** transfers of a list of two people to whom two files went */
  let toList = 0;

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = await twoPeople(folder, {
      guests: ['carol'],
      network: { groups: [{ name: 'climbing-club', members: ['alice', 'bob', 'carol'] }] },
    });
    const { alice, bob } = people;
    const carol = await people.device('carol', 'carol');
    const { id } = await alice.conversationWith(bob);
    await together(alice, id, ['track.gpx', 'topo.png']);
    for (const name of ['track.gpx', 'topo.png']) await takes(bob, name);
    for (const name of ['track.gpx', 'topo.png']) await arrives(alice, name);
    await together(alice, id, ['cairn.jpg']);
    await takes(bob, 'cairn.jpg');
    await arrives(alice, 'cairn.jpg');
    await vi.waitUntil(() => alice.said.some((text) => text.startsWith('BYE ')), { timeout: 30_000 });
    await heldAndGoesOn(id);
    const group = await alice.call['conversations.open']({ address: CLUB });
    await together(alice, group.id, ['group.png']);
    await takes(bob, 'group.png');
    await takes(carol, 'group.png');
    const list = await alice.call['conversations.openList']({ addresses: [bob.address, carol.address] });
    await together(alice, list.id, ['list-1.png', 'list-2.png']);
    for (const name of ['list-1.png', 'list-2.png']) {
      await takes(bob, name);
      await takes(carol, name);
      toList += 1;
    }
    await alice.call['files.request']({
      conversationId: id,
      clientId: randomToken(24),
      name: 'summit.jpg',
      type: 'image/jpeg',
      size: 3100,
      hash: 'ab'.repeat(20),
    });
    await bob.seesMessage((message) => message.transfer?.name === 'summit.jpg', 20_000);
    await people.close();
    wire = await Wire.from(capture, people.networkPort);
    const [connection] = (await wire.connectionsOf('alice')) as [number];
    fromAlice = wire.from(connection);
  }, 240_000);
  afterAll(() => people?.close());

  async function together(person: Person, conversationId: number, names: string[]): Promise<void> {
    const tokens = await Promise.all(
      names.map(async (name) => {
        const path = join(folder, name);
        await writeFile(path, Buffer.alloc(30_000, name));
        return (await person.client.offerFile(path)).token;
      }),
    );
    await Promise.all(tokens.map((token) => person.call['files.send']({ conversationId, clientId: randomToken(24), token })));
  }

  /** One that is held in the middle and goes on where it was. */
  async function heldAndGoesOn(conversationId: number): Promise<void> {
    const { alice, bob } = people;
    const path = join(folder, 'walk.mp4');
    await writeFile(path, '');
    await truncate(path, LARGE);
    const { token } = await alice.client.offerFile(path);
    const { imdnId, transfer } = await alice.call['files.send']({ conversationId, clientId: randomToken(24), token });
    const offered = await bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'offered', 60_000);
    slowReads(null, SLOW_FROM);
    await bob.call['transfers.accept']({ transferId: offered.transfer?.id as number });
    const enough = (progress: { transferId: number; transferred: number }) =>
      progress.transferId === transfer?.id && progress.transferred > 1 << 20;
    await alice.sees('transfer.progress', enough, 60_000);
    await alice.call['transfers.pause']({ transferId: transfer?.id as number });
    await alice.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'paused', 60_000);
    readOn();
    await alice.call['transfers.resume']({ transferId: transfer?.id as number });
    await bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'done', 120_000);
  }

  async function takes(person: Person, name: string): Promise<void> {
    const offered = await person.seesMessage((message) => message.transfer?.name === name && message.transfer.direction === 'in', 20_000);
    // the card is there a moment before the invitation is ready to be answered; and small files of people who are known need no answer
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { transfer } = await person.call['messages.read']({ messageId: offered.id });
    if (transfer?.state === 'offered') await person.call['transfers.accept']({ transferId: transfer.id });
  }

  const arrives = (person: Person, name: string) =>
    person.seesMessage((message) => message.transfer?.name === name && message.transfer.state === 'done', 20_000);

  /** `m=` and `a=` of each description that Alice sent in such a request */
  const offers = (filter: string) =>
    wire.signalling(`${fromAlice} && ${INVITE} && (${filter})`, 'frame.number', 'sdp.media', 'sdp.media_attr', 'sdp.owner');
  const idsOf = (attributes = '') => [...attributes.matchAll(/file-transfer-id:([^|]+)/g)].map(([, id]) => id);
  const pathsOf = (attributes = '') => [...attributes.matchAll(/\|?path:(msrp:[^|]+)/g)].map(([, path]) => path);
  const FIRST = '!sip.to.tag && sdp.media_attr contains "track.gpx"';
  const NEXT = 'sip.to.tag && sdp.media_attr contains "cairn.jpg"';

  test('no packet is malformed', async () => {
    expect((await wire.packets('msrp', 'frame.number')).length).toBeGreaterThan(4);
    expect(await wire.malformed()).toBe(0);
  });

  test('R-FT-09 R-FT-26 R-FT-32: two files for one person are two m-lines of one INVITE, each with its own id', async () => {
    const found = await offers(FIRST);
    expect(found.length).toBe(1);
    const [, media, attributes] = found[0] ?? [];
    expect(media?.split('|').filter((line) => /^message [1-9]\d* TCP\/MSRP/.test(line)).length).toBe(2);
    expect(new Set(idsOf(attributes)).size).toBe(2);
    expect(new Set(pathsOf(attributes)).size).toBe(2);
    expect(attributes).toContain('topo.png');
  });

  test('R-FT-15: a file that comes later is taken up without a new dialog', async () => {
    expect((await offers('!sip.to.tag && sdp.media_attr contains "cairn.jpg"')).length).toBe(0);
    expect((await offers(NEXT)).length).toBe(1);
  });

  test('R-FT-16 R-FT-17: by a re-INVITE that gives the m-line another file, id and path, and o= the next version', async () => {
    const [before] = await offers(FIRST);
    const [now] = await offers(NEXT);
    const [firstId, firstPath] = [idsOf(before?.[2])[0], pathsOf(before?.[2])[0]];
    const [nextId, nextPath] = [idsOf(now?.[2])[0], pathsOf(now?.[2])[0]];
    expect(nextId).toBeTruthy();
    expect(nextId).not.toBe(firstId);
    expect(nextPath).not.toBe(firstPath);
    const version = (owner = '') => BigInt(owner.split(' ')[2] ?? '0');
    expect(version(now?.[3])).toBe(version(before?.[3]) + 1n);
  });

  test('R-FT-35 R-FT-36: the dialog stays a while after its last file, and ends with BYE then', async () => {
    const [first] = await wire.signalling(`${fromAlice} && ${INVITE} && (${FIRST})`, 'sip.Call-ID');
    const callId = first?.[0] ?? '';
    const byes = await wire.signalling(`sip.Method=="BYE" && sip.Call-ID=="${callId}"`, 'frame.time_epoch', 'tcp.srcport');
    const [next] = await offers(NEXT);
    const answers = await wire.packets(`msrp.status.code==200 && msrp.to.path contains "${pathsOf(next?.[2])[0]}"`, 'frame.time_epoch');
    const [connection] = await wire.connectionsOf('alice');
    expect(byes.length).toBe(1);
    expect(byes[0]?.[1]).toBe(String(connection));
    expect(answers.length).toBeGreaterThan(0);
    // the timer runs for a second here; clocks may differ by what they round
    expect(Number(byes[0]?.[0]) - Number(answers.at(-1)?.[0])).toBeGreaterThan(0.9);
  });

  test('R-AD-07: a file that ended in the middle goes on by an invitation to the octets that are missing', async () => {
    const found = await offers('sdp.media_attr contains "walk.mp4"');
    expect(found.length).toBe(2);
    const [whole, part] = found;
    expect(whole?.[2]).not.toMatch(/file-range:[2-9]/);
    const [, start, stop] = /file-range:(\d+)-(\d+)/.exec(part?.[2] ?? '') ?? [];
    expect(Number(start)).toBeGreaterThan(1 << 20);
    expect(Number(stop)).toBe(LARGE);
    expect(idsOf(part?.[2])[0]).not.toBe(idsOf(whole?.[2])[0]);
    const ids = await wire.signalling(`${fromAlice} && ${INVITE} && sdp.media_attr contains "walk.mp4"`, 'sip.Call-ID');
    expect(new Set(ids.map(([id]) => id)).size).toBe(2);
  });

  test('R-FT-18: the m-line that is not needed any more has port 0 and keeps its id', async () => {
    const [before] = await offers(FIRST);
    const [now] = await offers(NEXT);
    expect(now?.[1]).toMatch(/\|message 0 TCP\/MSRP/);
    expect(idsOf(now?.[2])[1]).toBe(idsOf(before?.[2])[1]);
  });

  test('R-FT-02 R-FT-22 R-FT-30: for a list the INVITE goes to the factory, with the list beside the description', async () => {
    const factory = 'conference-factory';
    const found = await wire.signalling(`${fromAlice} && ${INVITE} && sip.r-uri contains "${factory}"`, 'sip.Require', 'sdp.media_attr');
    expect(found.length).toBe(2);
    for (const [require, attributes] of found) {
      expect(require).toContain('recipient-list-invite');
      expect(attributes).toContain('file-selector:');
    }
    expect(
      await wire.count(
        `${fromAlice} && ${INVITE} && sip.r-uri contains "${factory}" && sip contains "resource-lists" && sip contains "carol"`,
      ),
    ).toBe(2);
  });

  test('R-FT-14: two files for two people are two transfers of one file each', async () => {
    const found = await offers('sip.r-uri contains "conference-factory"');
    expect(found.length).toBe(toList);
    for (const [, media] of found) expect(media?.split('|').length).toBe(1);
  });

  test('R-FT-03 R-FT-23 R-FT-30: for a group the INVITE goes to the group, without a list', async () => {
    const found = await wire.signalling(`${fromAlice} && ${INVITE} && sip.r-uri contains "climbing-club"`, 'sip.Require', 'sdp.media_attr');
    expect(found.length).toBe(1);
    expect(found[0]?.[0]).not.toContain('recipient-list');
    expect(found[0]?.[1]).toContain('file-selector:');
  });

  test('R-FT-08: a file is asked for by all that is known of it', async () => {
    const [found] = await offers('sdp.media_attr contains "recvonly"');
    expect(found?.[2]).toMatch(/file-selector:name:"summit\.jpg" type:image\/jpeg size:3100 hash:sha-1:AB(?::AB){19}/);
    expect(idsOf(found?.[2]).length).toBe(1);
  });
});
