import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FilePeer } from '../harness/file-peer.ts';
import { LargePeer } from '../harness/large-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance } from '../harness/tshark.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';
import { Wire } from '../harness/wire.ts';

const hindrance = captureHindrance();
const DOMAIN = 'parley.example';
const CLUB = `sip:climbing-club@${DOMAIN}`;
const READERS = `sip:readers@${DOMAIN}`;
const FACTORY = `sip:conference-factory@${DOMAIN}`;
const INVITE = 'sip.Method=="INVITE" && sip.Accept-Contact contains "oma.cpm.filetransfer"';
const SIZE = 100_000;

describe.skipIf(hindrance !== null)('a file to several, as tshark sees it', () => {
  const folder = temporaryFolder();
  let wire: Wire;
  let people: TwoPeople;
  let mallory: string;
  let bob: string;
  let carol: string;
  /** display filter of MSRP that goes to Carol */
  let toCarol: string;

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = await twoPeople(folder, {
      guests: ['carol'],
      network: {
        groups: [
          { name: 'climbing-club', members: ['mallory', 'bob', 'carol'] },
          { name: 'readers', members: ['mallory', 'bob'], refusesFiles: true },
        ],
      },
    });
    const sender = await FilePeer.start(people.accountOf('mallory'));
    // a device that takes texts in message/cpim alone
    const reader = await LargePeer.start(people.accountOf('carol'), ['filetransfer']);
    const octets = randomFillSync(Buffer.alloc(SIZE));
    for (const [target, name] of [[CLUB, 'group.bin'] as const, [FACTORY, 'list.bin'] as const]) {
      const recipients = target === FACTORY ? { recipients: [people.bob.address, reader.sip.account.address] } : {};
      const { send, invite } = sender.offer(target, { name, size: SIZE, type: 'image/png' }, recipients);
      await send(octets);
      await invite.end();
      const offered = await people.bob.seesMessage((message) => message.transfer?.name === name && message.transfer.state === 'offered');
      await people.bob.call['transfers.accept']({ transferId: offered.transfer?.id as number });
      await people.bob.seesMessage((message) => message.transfer?.name === name && message.transfer.state === 'done');
      const asked = await reader.sip.request('INVITE', 20_000);
      const answer = reader.accept(asked, {}, [], 'a=accept-types:message/cpim');
      toCarol = `tcp.dstport==${/^m=message (\d+)/m.exec(answer)?.[1]}`;
      reader.sip.answer(await reader.sip.request('BYE', 20_000), 200, 'OK');
    }
    await sender.offer(READERS, { name: 'refused.bin', size: SIZE }).invite.answer;
    await sender.close();
    await reader.vanish();
    await people.close();
    wire = await Wire.from(capture, people.networkPort);
    const own = async (user: string) => ((await wire.connectionsOf(user)) as [number])[0];
    mallory = wire.from(await own('mallory'));
    [bob, carol] = [wire.to(await own('bob')), wire.to(await own('carol'))];
  }, 120_000);
  afterAll(() => people?.close());

  test('no packet is malformed', async () => {
    expect(await wire.malformed()).toBe(0);
  });

  test('R-CF-01: each participant gets an INVITE of its own with the file tag, and the sender has sent it once', async () => {
    expect(await wire.signalling(`${mallory} && ${INVITE} && !sip.to.tag`, 'sip.r-uri')).toEqual([[CLUB], [FACTORY], [READERS]]);
    for (const each of [bob, carol]) {
      const rows = await wire.signalling(`${each} && ${INVITE}`, 'sip.from.user', 'sip.contact.user');
      expect(rows).toHaveLength(2);
      for (const [from, focus] of rows) expect([from, focus]).toEqual(['mallory', expect.stringMatching(/^cpm-conf-/)]);
      expect(await wire.count(`${each} && ${INVITE} && sip.Contact contains "isfocus" && sdp.media_attr contains "file-selector:"`)).toBe(
        2,
      );
    }
  });

  test('R-CF-02: who does not list the type is sent none of it', async () => {
    expect(await wire.count(`${carol} && sip.Method=="BYE"`)).toBe(2);
    expect(await wire.packets(`msrp.method=="SEND" && msrp.content.type && ${toCarol}`, 'frame.number')).toEqual([]);
  });

  test('R-CF-03: no INVITE that the network makes has a list of recipients', async () => {
    expect(await wire.count(`${mallory} && ${INVITE} && sip contains "resource-lists"`)).toBe(1);
    for (const each of [bob, carol]) expect(await wire.count(`${each} && ${INVITE} && sip contains "resource-lists"`)).toBe(0);
  });

  test('R-CF-04 R-CF-05: a group that takes no files answers 403 and says why', async () => {
    const refused = `tcp.srcport==${people.networkPort} && sip.Status-Code==403 && sip.CSeq.method=="INVITE"`;
    expect(await wire.count(`${refused} && sip.Warning contains "122 Function not allowed"`)).toBe(1);
  });
});
