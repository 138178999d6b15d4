import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { randomToken } from '../../../shared/base/random.ts';
import { type ExamplePeer, type Line, OWN_NOTIFICATIONS, PLAIN_FILE, throughTheNetwork } from '../../harness/flow/example-peer.ts';
import { payloadOf } from '../../harness/flow/example-script.ts';
import { Flow, offeredFile } from '../../harness/flow/flow-person.ts';
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

/** the session of the first file, where it is taken */
const TRACK_PATH = 'msrp://203.0.113.20:20710/DseN85UGHsHudsueZePh';
const ANSWER = [
  { why: 'this account has no limit', missing: /^sdp\.\d\|a=max-size:/ },
  {
    why: 'behind port 0 there is no session (RFC 3264 section 6)',
    missing: /^sdp\.2\|a=path:msrp:\/\/203\.0\.113\.20:20710\/GFHJq1bLrstXfUZteZcU;tcp$/,
  },
];

const named = (person: Person, name: string, state: string) =>
  person.seesMessage(({ transfer }) => transfer?.name === name && transfer.state === state);

/** The chunks of a file reach the person, each is answered as the example after it, and the whole is reported. */
async function comes(peer: ExamplePeer, line: Line, ...chunks: string[]): Promise<void> {
  for (const name of chunks) {
    peer.sends(line, name);
    await peer.takesLine(
      line,
      name.replace(/\d\d(?=\.)/, (number) => String(Number(number) + 1).padStart(2, '0')),
    );
  }
  const report = (await line.next((text) => / REPORT\r\n/.test(text), 'a report')).toString('latin1');
  expect(report).toContain('\r\nStatus: 000 200');
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

  test('we are invited, take one of two and decline the other', async () => {
    const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_032 });
    peer.plays('F12-01.sip', throughTheNetwork);
    const [track, topo] = await Promise.all([offeredFile(person, 'track.gpx'), offeredFile(person, 'topo.png')]);
    await person.call['transfers.decline']({ transferId: topo });
    await person.call['transfers.accept']({ transferId: track });
    await peer.takes('F12-02.sip', ANSWER);
    peer.plays('F12-04.sip');
    const line = await peer.connects(TRACK_PATH);
    await comes(peer, line, 'F12-05.msrp', 'F12-07.msrp');
    peer.plays('F12-16.sip');
    await peer.takesAny('200 BYE');
    expect(await readFile(person.saved(await named(person, 'track.gpx', 'done')))).toEqual(TRACK);
    await named(person, 'topo.png', 'declined');
    expect(peer.differences).toEqual([]);
  });

  test('we are invited, take both over one connection, a third follows on the first m-line, and the second is closed', async () => {
    const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_032 });
    peer.plays('F12-01.sip', throughTheNetwork);
    const both = await Promise.all([offeredFile(person, 'track.gpx'), offeredFile(person, 'topo.png')]);
    for (const transferId of both) await person.call['transfers.accept']({ transferId });
    await peer.takes('F12-03.sip', ANSWER.slice(0, 1));
    peer.plays('F12-04.sip');
    const line = await peer.connects(TRACK_PATH);
    await comes(peer, line, 'F12-05.msrp', 'F12-07.msrp');
    await comes(peer, line, 'F12-09.msrp');
    expect(await readFile(person.saved(await named(person, 'track.gpx', 'done')))).toEqual(TRACK);
    expect(await readFile(person.saved(await named(person, 'topo.png', 'done')))).toEqual(TOPO);
    peer.plays('F12-11.sip', (text) => text.replace(/Route: .*\r\n/, ''));
    await person.call['transfers.accept']({ transferId: await offeredFile(person, 'cairn.jpg') });
    await peer.takes('F12-12.sip', ANSWER);
    peer.plays('F12-13.sip');
    await comes(peer, line, 'F12-14.msrp');
    expect(await readFile(person.saved(await named(person, 'cairn.jpg', 'done')))).toEqual(CAIRN);
    peer.plays('F12-16.sip');
    await peer.takesAny('200 BYE');
    expect(peer.differences).toEqual([]);
  });
});
