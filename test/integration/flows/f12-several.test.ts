import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { randomToken } from '../../../shared/base/random.ts';
import { type ExamplePeer, OWN_NOTIFICATIONS, PLAIN_FILE } from '../../harness/flow/example-peer.ts';
import { payloadOf } from '../../harness/flow/example-script.ts';
import { Flow } from '../../harness/flow/flow-person.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import type { Person } from '../../harness/two-people.ts';
import { exampleOctets } from '../../vectors/example.ts';

const flow = new Flow(temporaryFolder());
afterEach(() => flow.end());

const contentOf = (...names: string[]) => Buffer.concat(names.map((name) => payloadOf(exampleOctets(name))));
const TRACK = contentOf('F12-05.msrp', 'F12-07.msrp');
const TOPO = contentOf('F12-09.msrp');
const CAIRN = contentOf('F12-14.msrp');

/** Hands the files over together, as a person does who drops them. @returns imdn.Message-IDs */
async function sendTogether(person: Person, ...files: [name: string, octets: Buffer][]): Promise<string[]> {
  const { id } = await person.call['conversations.open']({ address: 'sip:bob@home2.example' });
  const ready = await Promise.all(
    files.map(async ([name, octets]) => {
      const path = join(flow.folder, name);
      await writeFile(path, octets);
      return (await person.client.offerFile(path)).token;
    }),
  );
  const sent = await Promise.all(ready.map((token) => person.call['files.send']({ conversationId: id, clientId: randomToken(24), token })));
  return sent.map(({ imdnId }) => imdnId);
}

const settled = (person: Person, imdnId: string, state: string) =>
  person.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === state);

async function sends(peer: ExamplePeer, both: boolean): Promise<void> {
  expect(
    (await peer.takesMessage(null, ['F12-05.msrp', 'F12-07.msrp'], ['F12-06.msrp', 'F12-08.msrp'])).equals(TRACK),
    peer.differences.join('\n'),
  ).toBe(true);
  peer.reports();
  if (!both) return;
  expect((await peer.takesMessage(null, ['F12-09.msrp'], ['F12-10.msrp'])).equals(TOPO), peer.differences.join('\n')).toBe(true);
  peer.reports();
}

describe('F12: several files, and one after them', () => {
  test('we invite, and one of two is taken', async () => {
    const { peer, person } = await flow.start('alice', { host: '203.0.113.20', port: 20_710 });
    const [track, topo] = (await sendTogether(person, ['track.gpx', TRACK], ['topo.png', TOPO])) as [string, string];
    await peer.takes('F12-01.sip', [...PLAIN_FILE, ...OWN_NOTIFICATIONS]);
    peer.plays('F12-02.sip');
    await peer.takes('F12-04.sip');
    await settled(person, topo, 'declined');
    await sends(peer, false);
    await settled(person, track, 'done');
    expect(peer.differences).toEqual([]);
  });

  test('we invite, both are taken, a third follows on the first m-line, and the second is closed', async () => {
    const { peer, person } = await flow.start('alice', { host: '203.0.113.20', port: 20_710 });
    const [track, topo] = (await sendTogether(person, ['track.gpx', TRACK], ['topo.png', TOPO])) as [string, string];
    await peer.takes('F12-01.sip', [...PLAIN_FILE, ...OWN_NOTIFICATIONS]);
    peer.plays('F12-03.sip');
    await peer.takes('F12-04.sip');
    await sends(peer, true);
    await Promise.all([settled(person, track, 'done'), settled(person, topo, 'done')]);
    const [cairn] = (await sendTogether(person, ['cairn.jpg', CAIRN])) as [string];
    await peer.takes('F12-11.sip', [...PLAIN_FILE, ...OWN_NOTIFICATIONS]);
    peer.plays('F12-12.sip');
    await peer.takes('F12-13.sip');
    expect((await peer.takesMessage(null, ['F12-14.msrp'], ['F12-15.msrp'])).equals(CAIRN), peer.differences.join('\n')).toBe(true);
    peer.reports();
    await settled(person, cairn, 'done');
    expect(peer.differences).toEqual([]);
  });
});
