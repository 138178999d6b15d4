import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { OWN_NOTIFICATIONS, PLAIN_FILE } from '../../harness/flow/example-peer.ts';
import { F11_CONTENT, F11Sender } from '../../harness/flow/f11-sender.ts';
import { Flow, sendFile } from '../../harness/flow/flow-person.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const flow = new Flow(temporaryFolder());
afterEach(() => flow.end());

const ANOTHER_FILE = [
  {
    why: 'a larger file, so that it can be stopped in the middle',
    extra: /a=file-selector:name:"walk\.mp4"/,
    missing: /a=file-selector:name:"walk\.mp4"/,
  },
  { why: 'all of it', missing: /a=file-range:4097-/ },
];

/** walk.mp4 is taken as in F15, from its first octet. @returns imdn.Message-ID */
async function taken(user: Awaited<ReturnType<Flow['start']>>): Promise<string> {
  const { peer, person } = user;
  const imdnId = await sendFile(person, 'sip:bob@home2.example', join(flow.folder, 'walk.mp4'), Buffer.alloc(40_000_000, 'walk'));
  await peer.takes('F15-01.sip', [...PLAIN_FILE, ...OWN_NOTIFICATIONS, ...ANOTHER_FILE]);
  peer.plays('F15-02.sip', (text) =>
    text
      .replace(/a=file-(?:selector|range):.*\r\n/g, '')
      .replaceAll('203.0.113.20:20740/dwWNW6ESjQ0vDrtBv401', '203.0.113.20:20750/fzkIxcxc0uK7fhewyoAC')
      .replace('m=message 20740', 'm=message 20750'),
  );
  await peer.takes('F15-03.sip');
  // the session of F17 is the one that was offered here
  peer.script.bind('msrp://192.0.2.10:30060/mIkBFW8xbN2ugAO7fkpS', peer.script.meaningOf('msrp://192.0.2.10:30050/P6iGnAOnnENfawfVpng3'));
  return imdnId;
}

describe('F17: a transfer is stopped on its way', () => {
  test('by us who send: # ends the chunk, BYE the session', async () => {
    const both = await flow.start('alice', { host: '203.0.113.20', port: 20_750 });
    const { peer, person } = both;
    const imdnId = await taken(both);
    const line = await peer.accepts();
    const first = await peer.takesChunk(line, 'F17-01.msrp', 'F17-02.msrp');
    expect(first).toMatch(/\+\r\n$/);
    const { transfer } = await person.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'transferring');
    await person.call['transfers.cancel']({ transferId: transfer?.id as number });
    const last = await peer.takesUntilEnd(line, 'F17-01.msrp', 'F17-02.msrp');
    expect(last).toMatch(/#\r\n$/);
    await peer.takesAny('BYE');
    await person.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'cancelled');
    expect(peer.differences).toEqual([]);
  });

  test('by the other side who receives: 413 to a chunk, after which we say # and leave', async () => {
    const both = await flow.start('alice', { host: '203.0.113.20', port: 20_750 });
    const { peer, person } = both;
    const imdnId = await taken(both);
    const line = await peer.accepts();
    const first = await peer.takesChunk(line, 'F17-01.msrp');
    peer.script.bind('t0q7kchq', /^MSRP (\S+)/.exec(first)?.[1] ?? '');
    peer.sends(line, 'F17-03.msrp');
    expect(await peer.takesUntilEnd(line, 'F17-01.msrp')).toMatch(/#\r\n$/);
    await peer.takesAny('BYE');
    const { transfer } = await person.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'failed');
    expect(transfer?.error?.code).toBe('msrp.stopped');
    expect(peer.differences).toEqual([]);
  });

  test('by us who receive: 413 to the chunk under way, and BYE', async () => {
    const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_030 });
    const alice = new F11Sender(peer, person);
    const offer = await alice.offers({ name: 'walk.mp4' });
    const line = await alice.accepted(offer);
    // another file than the one of F11
    peer.differences.length = 0;
    const chunk = alice.chunk('1-*/5000', F11_CONTENT, '+');
    line.write(chunk.subarray(0, chunk.length - 1000));
    await person.seesMessage(({ id, transfer }) => id === offer.id && transfer?.state === 'transferring');
    await person.call['transfers.cancel']({ transferId: offer.transfer?.id as number });
    const { script } = peer;
    for (const [example, stands] of [
      ['t0q7kchq', '9h2r5pnr'],
      ['msrp://192.0.2.10:30060/mIkBFW8xbN2ugAO7fkpS', script.meaningOf('msrp://192.0.2.10:30030/2UuzUxKXL4ZRjcHISOMu')],
      ['msrp://203.0.113.20:20750/fzkIxcxc0uK7fhewyoAC', script.meaningOf('msrp://203.0.113.20:20700/6ZWP4aEMfj228nPJpPvz')],
    ] as const)
      script.bind(example, stands);
    await peer.takesLine(line, 'F17-03.msrp');
    line.write(alice.chunk('1-*/5000', Buffer.alloc(0), '#'));
    await peer.takesAny('BYE');
    await person.seesMessage(({ id, transfer }) => id === offer.id && transfer?.state === 'cancelled');
    expect(peer.differences).toEqual([]);
  });

  test('by the other side who sends: # ends the chunk, and what came is kept as it may be a pause', async () => {
    const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_030 });
    const alice = new F11Sender(peer, person);
    const offer = await alice.offers({ name: 'walk.mp4' });
    const line = await alice.accepted(offer);
    line.write(alice.chunk('1-*/5000', F11_CONTENT.subarray(0, 1024), '#'));
    expect((await line.next((text) => /^MSRP \S+ 200/.test(text), '200')).toString('latin1')).toMatch(/^MSRP 9h2r5pnr 200 OK\r\n/);
    alice.leaves();
    const { transfer } = await person.seesMessage(({ id, transfer: now }) => id === offer.id && now?.state === 'interrupted');
    expect(transfer?.error?.code).toBe('msrp.stopped');
  });
});
