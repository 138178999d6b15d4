import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { BEFORE_THE_NETWORK, NO_THUMBNAIL, PLAIN_FILE, throughTheNetwork } from '../../harness/flow/example-peer.ts';
import { payloadOf } from '../../harness/flow/example-script.ts';
import { Flow, offeredFile, sendFile } from '../../harness/flow/flow-person.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { exampleOctets } from '../../vectors/example.ts';

const flow = new Flow(temporaryFolder());
afterEach(() => flow.end());

const CHUNKS = ['F11-05.msrp', 'F11-06.msrp', 'F11-07.msrp'];
const CONTENT = Buffer.concat(CHUNKS.map((name) => payloadOf(exampleOctets(name))));

describe('F11: a file is pushed, and its delivery told', () => {
  test('we invite', async () => {
    const { peer, person } = await flow.start('alice', { host: '203.0.113.20', port: 20_700 });
    const imdnId = await sendFile(person, 'sip:bob@home2.example', join(flow.folder, 'ridge "east".jpg'), CONTENT);
    await peer.takes('F11-01.sip', [...PLAIN_FILE, ...NO_THUMBNAIL]);
    peer.plays('F11-02.sip');
    peer.plays('F11-03.sip');
    await peer.takes('F11-04.sip');
    const line = await peer.accepts();
    expect(
      (await peer.takesMessage(line, CHUNKS, ['F11-08.msrp', 'F11-09.msrp', 'F11-10.msrp'])).equals(CONTENT),
      peer.differences.join('\n'),
    ).toBe(true);
    peer.sends(line, 'F11-11.msrp');
    await person.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'done');
    await peer.takes('F11-12.sip');
    peer.plays('F11-13.sip');
    peer.plays('F11-14.sip');
    await peer.takes('F11-15.sip');
    await person.seesMessage((message) => message.imdnId === imdnId && message.status === 'delivered');
    expect(peer.differences).toEqual([]);
  });

  test('we are invited', async () => {
    const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_030 });
    peer.plays('F11-01.sip', throughTheNetwork);
    await peer.takes('F11-02.sip');
    await person.call['transfers.accept']({ transferId: await offeredFile(person, 'ridge _east_.jpg') });
    await peer.takes('F11-03.sip', [{ why: 'this account has no limit', missing: /^sdp\.1\|a=max-size:/ }]);
    peer.plays('F11-04.sip');
    const line = await peer.connects('msrp://203.0.113.20:20700/6ZWP4aEMfj228nPJpPvz');
    for (const name of CHUNKS) peer.sends(line, name);
    for (const name of ['F11-08.msrp', 'F11-09.msrp', 'F11-10.msrp', 'F11-11.msrp']) await peer.takesLine(line, name);
    peer.plays('F11-12.sip');
    await peer.takes('F11-13.sip');
    await peer.takes('F11-14.sip', BEFORE_THE_NETWORK);
    peer.plays('F11-15.sip');
    const done = await person.seesMessage((message) => message.transfer?.state === 'done');
    expect(await readFile(person.saved(done))).toEqual(CONTENT);
    expect(peer.differences).toEqual([]);
  });

  test('an invitation in the same breath as the 200 to REGISTER is taken like any other', async () => {
    const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_030 }, { pushed: 'F11-01.sip' });
    await peer.takes('F11-02.sip');
    await person.call['transfers.accept']({ transferId: await offeredFile(person, 'ridge _east_.jpg') });
    await peer.takes('F11-03.sip', [{ why: 'this account has no limit', missing: /^sdp\.1\|a=max-size:/ }]);
    expect(peer.differences).toEqual([]);
  });
});
