import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchResult, target } from '../../build/lib/bench-result.ts';
import { fromUtf8, utf8 } from '../../shared/base/bytes.ts';
import { randomToken, randomUuid } from '../../shared/base/random.ts';
import { SipFramer } from '../../shared/protocol/sip/framer.ts';
import { NetworkProcess } from '../harness/network-process.ts';
import { SipPeer } from '../harness/sip-peer.ts';

const MESSAGES = 20_000;
const SENDERS = 100;
/** of one sender, that wait for their 202 */
const UNDER_WAY = 8;
/** how much faster than the least that was asked for it is to be without a commit for many: measured as messages a second */
const ASKED = 1_000;

/** Messages a second that the home network keeps on disk, and later delivers to a device that comes; sockets alone at both ends. */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const names = Array.from({ length: SENDERS }, (_, n) => `s${n}`);
  const network = await NetworkProcess.start([
    '--users',
    [...names, 'bob'].join(','),
    '--password',
    'secret',
    '--data',
    join(folder, 'network'),
  ]);
  try {
    const peers = await Promise.all(names.map((name) => registered(network, name)));
    const began = performance.now();
    await Promise.all(peers.map((peer) => writes(peer, MESSAGES / SENDERS)));
    const kept = perSecond(began);

    const bob = await connected(network, 'bob');
    const [peerListener] = bob.socket.listeners('data') as [() => void];
    const all = takes(bob, MESSAGES);
    await bob.register();
    // its own reading of what comes is not what is measured
    bob.socket.off('data', peerListener);
    const delivering = performance.now();
    await all;
    const delivered = perSecond(delivering);
    for (const peer of [...peers, bob]) await peer.close();
    const slower = Math.min(kept, delivered);
    return [
      {
        name: `deferral: ${MESSAGES} messages of ${SENDERS} senders kept, then delivered`,
        ratio: slower / ASKED,
        against: `${ASKED} messages a second`,
        figures: { kept_per_s: Math.round(kept), delivered_per_s: Math.round(delivered) },
        target: target(Math.round(slower), 'at least', ASKED, 'messages/s'),
      },
    ];
  } finally {
    await network.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function perSecond(began: number): number {
  return MESSAGES / ((performance.now() - began) / 1000);
}

function connected({ announced }: NetworkProcess, user: string): Promise<SipPeer> {
  const account = announced.accounts.find((each) => each.user === user);
  if (account === undefined) throw new Error(`no account ${user}`);
  return SipPeer.connect(announced.address, account);
}

async function registered(network: NetworkProcess, user: string): Promise<SipPeer> {
  const peer = await connected(network, user);
  await peer.register();
  return peer;
}

/** Written by hand: what is measured is the network. */
function writes(peer: SipPeer, count: number): Promise<void> {
  const { socket, account } = peer;
  socket.removeAllListeners('data');
  let left = count;
  let waiting = count;
  const write = (): void => {
    if (left === 0) return;
    left -= 1;
    const body = utf8(
      [
        ...[`From: <${account.address}>`, 'To: <sip:bob@parley.example>', 'DateTime: 2026-11-20T10:00:00.000Z'],
        ...['NS: imdn <urn:ietf:params:imdn>', `imdn.Message-ID: ${randomToken(24)}`],
        ...['imdn.Disposition-Notification: positive-delivery, negative-delivery, display', ''],
        ...['Content-Type: text/plain;charset=UTF-8', '', `the message number ${left}`],
      ].join('\r\n'),
    );
    const head = [
      ...['MESSAGE sip:bob@parley.example SIP/2.0', `Via: SIP/2.0/TCP ${peer.host};branch=z9hG4bK${randomToken(12)}`, 'Max-Forwards: 70'],
      ...[
        `From: <${account.address}>;tag=${randomToken(8)}`,
        'To: <sip:bob@parley.example>',
        `Call-ID: ${randomUuid()}`,
        'CSeq: 1 MESSAGE',
      ],
      ...[`Conversation-ID: ${randomUuid()}`, `Contribution-ID: ${randomUuid()}`],
      ...['Content-Type: message/cpim', `Content-Length: ${body.length}`, '', ''],
    ].join('\r\n');
    socket.write(Buffer.concat([utf8(head), body]));
  };
  return new Promise((resolve, reject) => {
    const framer = new SipFramer();
    socket.on('data', (octets: Uint8Array) => {
      for (const frame of framer.push(octets)) {
        if (frame.kind !== 'message') continue;
        const [line = ''] = fromUtf8(frame.octets.subarray(0, 100)).split('\r\n', 1);
        if (!line.startsWith('SIP/2.0 202 ')) reject(new Error(line));
        waiting -= 1;
        if (waiting === 0) resolve();
        else write();
      }
    });
    for (let at = 0; at < UNDER_WAY; at++) write();
  });
}

/** 200 to each MESSAGE; resolves with the last one. */
function takes({ socket }: SipPeer, count: number): Promise<void> {
  let left = count;
  const framer = new SipFramer();
  return new Promise((resolve) => {
    socket.on('data', (octets: Uint8Array) => {
      for (const frame of framer.push(octets)) {
        const text = frame.kind === 'message' ? fromUtf8(frame.octets) : '';
        if (!text.startsWith('MESSAGE ')) continue;
        const kept = text.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line));
        socket.write(`SIP/2.0 200 OK\r\n${kept.slice(0, 5).join('\r\n')}\r\nContent-Length: 0\r\n\r\n`);
        left -= 1;
        if (left === 0) resolve();
      }
    });
  });
}
