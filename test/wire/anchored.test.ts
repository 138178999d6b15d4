import { randomFillSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance } from '../harness/tshark.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';
import { Wire } from '../harness/wire.ts';

const hindrance = captureHindrance();
const LONG = 'The survey of the east ridge took four days. '.repeat(100);
const SIZE = 300_000;
const INVITE = 'sip.Method=="INVITE" && !sip.to.tag';

describe.skipIf(hindrance !== null)('MSRP by way of the home network, as tshark sees it', () => {
  const folder = temporaryFolder();
  let wire: Wire;
  let people: TwoPeople;
  let alice: string;
  let bob: string;

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = await twoPeople(folder, { network: { media: { msrp: 'anchor' } } });
    await conversing(people.alice, people.bob);
    await people.close();
    wire = await Wire.from(capture, people.networkPort);
    const own = async (user: string) => ((await wire.connectionsOf(user)) as [number])[0];
    [alice, bob] = [wire.from(await own('alice')), wire.to(await own('bob'))];
  }, 60_000);
  afterAll(() => people?.close());

  /** A file, a large message and a chat. */
  async function conversing(writer: Person, reader: Person): Promise<void> {
    const { id: conversationId } = await writer.conversationWith(reader);
    const path = join(folder, 'ridge.bin');
    await writeFile(path, randomFillSync(Buffer.alloc(SIZE)));
    const { token } = await writer.client.offerFile(path);
    const file = await writer.call['files.send']({ conversationId, clientId: randomToken(24), token });
    const fits = ({ imdnId, transfer }: Message, state: string) => imdnId === file.imdnId && transfer?.state === state;
    const offered = await reader.seesMessage((message) => fits(message, 'offered'));
    await reader.call['transfers.accept']({ transferId: offered.transfer?.id as number });
    await writer.seesMessage((message) => fits(message, 'done'));
    await writer.call['settings.change']({ preferredMode: 'standalone' });
    await said(LONG);
    await writer.call['settings.change']({ preferredMode: 'session' });
    await said('hello');

    async function said(text: string): Promise<void> {
      const { imdnId } = await writer.call['messages.sendText']({ conversationId, clientId: randomToken(24), text });
      await writer.seesMessage((message) => message.imdnId === imdnId && message.status === 'delivered', 30_000);
    }
  }

  test('no packet is malformed', async () => {
    expect(await wire.malformed()).toBe(0);
  });

  test('R-PF-09: the network puts its own place into each description, and both sides go there', async () => {
    const pathsIn = async (filter: string): Promise<string[]> => {
      const rows = await wire.signalling(`${filter} && sdp.media_attr contains "path:"`, 'sdp.media_attr');
      return rows.flatMap(([attributes = '']) => attributes.split('|').filter((each) => each.startsWith('path:')));
    };
    const [offered, passed] = [await pathsIn(`${alice} && ${INVITE}`), await pathsIn(`${bob} && ${INVITE}`)];
    expect([offered.length, passed.length]).toEqual([3, 3]);
    expect(passed.filter((path) => offered.includes(path))).toEqual([]);
    // the large message is offered by who connects, so only the others name a port at which the network listens
    const port = passed.map((path) => Number(/:(\d+)\//.exec(path)?.[1])).find((each) => each !== 9);
    const ends = await wire.packets('msrp', 'tcp.srcport', 'tcp.dstport');
    expect(ends.length).toBeGreaterThan(10);
    const bySelf = ends.filter((ports) => !ports.includes(String(port)));
    // towards Bob it connects itself, to where his answers say
    const atBob = new Set(
      (await pathsIn(`${wire.from((await wire.connectionsOf('bob'))[0] as number)} && sip.Status-Code==200`)).map(
        (path) => /:(\d+)\//.exec(path)?.[1],
      ),
    );
    expect(bySelf.filter((ports) => !ports.some((each) => atBob.has(each)))).toEqual([]);
  });

  test('R-PF-09: what the sender sends on the one side leaves on the other, as many octets of the same message', async () => {
    const rows = await wire.packets('msrp.method=="SEND" && msrp.byte.range contains "/300000"', 'msrp.messageid', 'msrp.to.path');
    expect(new Set(rows.map(([id]) => id)).size).toBe(1);
    expect(new Set(rows.map(([, to]) => to)).size).toBe(2);
    const reports = await wire.packets('msrp.method=="REPORT"', 'msrp.messageid', 'msrp.status');
    const ofFile = reports.filter(([id]) => id === rows[0]?.[0]);
    expect(ofFile.map(([, status]) => status)).toEqual([expect.stringContaining('200'), expect.stringContaining('200')]);
  });
});
