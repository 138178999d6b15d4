import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createMsrpEngine } from '../../electron/msrp/engine.ts';
import { systemClock } from '../../shared/base/clock.ts';
import type { Message } from '../../shared/model/message.ts';
import { offer, write } from '../harness/kamailio-people.ts';
import { answer, type Check, Sipp, type Step, sippMissing } from '../harness/sipp.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Person } from '../harness/two-people.ts';

const DOMAIN = 'sipp.example';
const BOB = { address: `sip:bob@${DOMAIN}` };
const LARGE = 'The survey of the east ridge took four days. '.repeat(40);
const title = `the client against SIPp${sippMissing === null ? '' : ` (skipped: ${sippMissing})`}`;

/** SIPp is the core and the other person at once. Its own exit code and what the store holds afterwards decide. */
describe.skipIf(sippMissing !== null)(title, () => {
  const folder = temporaryFolder();
  const closing: (() => unknown)[] = [];
  let people = 0;
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  /** @returns `heard` the first lines of all that came in */
  async function start(steps: readonly Step[], calls: number): Promise<{ alice: Person; sipp: Sipp; heard: string[] }> {
    const heard: string[] = [];
    const sipp = await Sipp.start(steps, { calls });
    closing.push(() => sipp.stop());
    const data = join(folder, String(++people));
    mkdirSync(data, { recursive: true });
    const alice = new Person({
      account: {
        address: `sip:alice@${DOMAIN}`,
        displayName: 'Alice',
        user: 'alice',
        password: 'alicepw',
        outboundProxy: `127.0.0.1:${sipp.port}`,
        transport: 'tcp',
        maxFileSize: 0,
      },
      paths: { data, downloads: join(data, 'Downloads') },
      store: { worker: new URL('../../electron/store/worker.ts', import.meta.url), nativeBinding: null },
      version: '0.1.0',
      platform: 'linux',
      neighbours: [],
      clock: systemClock,
      sipTap: (way, octets) => void (way === 'in' && heard.push(Buffer.from(octets).toString('latin1').split('\r\n', 1)[0] ?? '')),
    });
    closing.push(() => alice.client.stop());
    await alice.client.start();
    await alice.call['settings.change']({ requests: false, preferredMode: 'standalone' });
    return { alice, sipp, heard };
  }

  const thread = async (alice: Person): Promise<Message[]> => alice.history((await alice.call['conversations.open'](BOB)).id);

  describe('as who is called', () => {
    /** a registration, the question what waits, which nobody here knows, and one call beside them */
    const called = (...steps: Step[]): Step[] => [
      { receive: 'REGISTER', optional: 'registered' },
      { receive: 'SUBSCRIBE', optional: 'subscribed' },
      ...steps,
      { go: 'end' },
      { label: 'registered' },
      answer('200 OK', { headers: ['[last_Contact:]'] }),
      { go: 'end' },
      { label: 'subscribed' },
      answer('489 Bad Event', { headers: ['Allow-Events: presence'] }),
      { label: 'end' },
      { pause: 10 },
    ];
    /** takes connections of MSRP, says nothing, and goes away after a while */
    async function silentMsrp(): Promise<number> {
      const server: Server = createServer((socket) => {
        socket.on('error', () => {});
        setTimeout(() => socket.destroy(), 3000);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closing.push(() => server.close());
      const address = server.address();
      return typeof address === 'object' && address !== null ? address.port : 0;
    }
    /** the INVITE, kept for an answer that comes after other requests of the call */
    const invited: Step = { receive: 'INVITE', keep: { via: 'Via: SIP/2.0/TCP [^;]*;branch=[A-Za-z0-9._-]*' } };
    const taking = (port: number, tag = 'a'): Step => ({
      send: [
        ...['SIP/2.0 200 OK', '[$via]', '[last_From:]', `To: <${BOB.address}>;tag=${tag}`, '[last_Call-ID:]', 'CSeq: 1 INVITE'],
        ...[`Contact: <${BOB.address}>`, 'Content-Type: application/sdp', 'Content-Length: [len]', ''],
        description(`msrp://127.0.0.1:${port}/silent-${tag};tcp`, port, 'passive', 'recvonly'),
      ].join('\n'),
    });
    const tagged = (tag: string): Check[] => [{ header: 'To', fits: `tag=${tag}` }];

    test('401, then 407: the request is sent with the answers to both', async () => {
      const { alice, sipp } = await start(
        called(
          { receive: 'MESSAGE' },
          answer('401 Unauthorized', { headers: ['WWW-Authenticate: Digest realm="one", nonce="n1", qop="auth", algorithm=MD5'] }),
          { receive: 'MESSAGE', check: [{ header: 'Authorization', fits: 'realm="one"' }] },
          answer('407 Proxy Authentication Required', {
            headers: ['Proxy-Authenticate: Digest realm="two", nonce="n2", qop="auth", algorithm=SHA-256'],
          }),
          {
            receive: 'MESSAGE',
            check: [
              { header: 'Authorization', fits: 'realm="one"' },
              { header: 'Proxy-Authorization', fits: 'realm="two".*algorithm=SHA-256' },
            ],
          },
          answer('200 OK'),
        ),
        3,
      );
      const imdnId = await write(alice, BOB, 'hello');
      await sipp.passed;
      await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'sent');
    }, 120_000);

    test.each([
      ['once', [answer('200 OK')], 'sent'],
      ['and not a second time', [answer('302 Moved Temporarily', { headers: [`Contact: <sip:carol@${DOMAIN}>`] })], 'failed'],
    ] as const)(
      '302 to a MESSAGE is followed %s',
      async (_, last, status) => {
        const contacts = `Contact: <tel:+15550100>, <sip:dave@${DOMAIN}>;q=0.2, <sip:bob.cell@${DOMAIN}>;q=0.9`;
        const { alice, sipp } = await start(
          called(
            { receive: 'MESSAGE' },
            answer('302 Moved Temporarily', { headers: [contacts] }),
            { receive: 'MESSAGE', check: [{ fits: `^MESSAGE sip:bob.cell@${DOMAIN} SIP` }, { header: 'To', fits: '<sip:bob@' }] },
            ...last,
          ),
          3,
        );
        const imdnId = await write(alice, BOB, 'hello');
        await sipp.passed;
        const message = await alice.seesMessage((each) => each.imdnId === imdnId && each.status === status);
        expect(message.error?.code ?? null).toBe(status === 'failed' ? 'peer.unavailable' : null);
      },
      120_000,
    );

    test('302 to an INVITE is followed once; 603 there is a refusal', async () => {
      const { alice, sipp } = await start(
        called(
          { receive: 'INVITE' },
          answer('302 Moved Temporarily', { headers: [`Contact: <sip:bob.cell@${DOMAIN}>`] }),
          { receive: 'ACK' },
          { receive: 'INVITE', check: [{ fits: `^INVITE sip:bob.cell@${DOMAIN} SIP` }] },
          answer('603 Decline', { tag: 'cell' }),
          { receive: 'ACK' },
        ),
        3,
      );
      const imdnId = await write(alice, BOB, LARGE);
      await sipp.passed;
      const message = await alice.seesMessage((each) => each.imdnId === imdnId && each.status === 'failed');
      expect(message.error?.code).toBe('peer.declined');
    }, 120_000);

    test.each([
      [488, 'Not Acceptable Here', 'peer.unsupported'],
      [603, 'Decline', 'peer.declined'],
      [404, 'Not Found', 'peer.unknown'],
    ])(
      '%i %s to an INVITE is for good',
      async (status, reason, code) => {
        const { alice, sipp } = await start(called({ receive: 'INVITE' }, answer(`${status} ${reason}`), { receive: 'ACK' }), 3);
        const imdnId = await write(alice, BOB, LARGE);
        await sipp.passed;
        const message = await alice.seesMessage((each) => each.imdnId === imdnId && each.status === 'failed');
        expect(message.error?.code).toBe(code);
      },
      120_000,
    );

    test.each([
      ['486 Busy Here', [], 1],
      ['503 Service Unavailable', ['Retry-After: 240'], 200],
      ['480 Temporarily Unavailable', ['Retry-After: 500'], 400],
    ])(
      '%s to an INVITE is asked again later, not before Retry-After',
      async (status, headers, seconds) => {
        const { alice, sipp } = await start(called({ receive: 'INVITE' }, answer(status, { headers }), { receive: 'ACK' }), 3);
        const before = Date.now();
        await write(alice, BOB, LARGE);
        await sipp.passed;
        const [message] = await thread(alice);
        const waiting = async () => (await alice.call['messages.info']({ messageId: message?.id as number })).waiting?.nextTryAt ?? 0;
        await expect.poll(waiting, { timeout: 20_000 }).toBeGreaterThan(before + seconds * 1000);
        expect((await thread(alice))[0]?.status).toBe('queued');
      },
      120_000,
    );

    test('422 has the session interval raised to Min-SE', async () => {
      const { alice, sipp } = await start(
        called(
          { receive: 'INVITE', check: [{ header: 'Session-Expires', fits: '1800' }] },
          answer('422 Session Interval Too Small', { headers: ['Min-SE: 3600'] }),
          { receive: 'ACK' },
          {
            receive: 'INVITE',
            check: [
              { header: 'Session-Expires', fits: '3600' },
              { header: 'Min-SE', fits: '3600' },
            ],
          },
          answer('603 Decline', { tag: 'b' }),
          { receive: 'ACK' },
        ),
        3,
      );
      await write(alice, BOB, LARGE);
      await sipp.passed;
    }, 120_000);

    test('180, 200 after a long time, and 200 once more: ACK for each of them, BYE in the end', async () => {
      const port = await silentMsrp();
      const { alice, sipp } = await start(
        called(
          invited,
          answer('100 Trying', { tag: '' }),
          answer('180 Ringing', { tag: 'a', headers: [`Contact: <${BOB.address}>`] }),
          { pause: 6000 },
          taking(port),
          { receive: 'ACK', check: tagged('a') },
          taking(port),
          { receive: 'ACK', check: tagged('a') },
          { receive: 'BYE', check: tagged('a') },
          answer('200 OK', { tag: '' }),
        ),
        3,
      );
      await write(alice, BOB, LARGE);
      await sipp.passed;
      // the connection went away before anything was taken: it waits for the next try
      await expect.poll(async () => (await thread(alice))[0]?.status, { timeout: 20_000 }).toBe('queued');
    }, 120_000);

    test('two 200s of a fork: ACK for both, BYE for the second one, and later for the first', async () => {
      const port = await silentMsrp();
      const { alice, sipp } = await start(
        called(
          invited,
          taking(port, 'a'),
          { receive: 'ACK', check: tagged('a') },
          taking(port, 'b'),
          { receive: 'ACK', check: tagged('b') },
          { receive: 'BYE', check: tagged('b') },
          answer('200 OK', { tag: '' }),
          { receive: 'BYE', check: tagged('a') },
          answer('200 OK', { tag: '' }),
        ),
        3,
      );
      await write(alice, BOB, LARGE);
      await sipp.passed;
    }, 120_000);

    test('200 that crosses the CANCEL of a file: ACK and BYE, and the file stays cancelled', async () => {
      const port = await silentMsrp();
      const { alice, sipp, heard } = await start(
        called(
          invited,
          // no 100: the CANCEL waits for the first provisional answer, and could come before SIPp has sent this one
          answer('180 Ringing', { tag: 'a', headers: [`Contact: <${BOB.address}>`] }),
          { receive: 'CANCEL' },
          answer('200 OK', { tag: 'a' }),
          taking(port),
          { receive: 'ACK' },
          { receive: 'BYE' },
          answer('200 OK', { tag: '' }),
        ),
        3,
      );
      const path = join(folder, 'ridge.txt');
      await writeFile(path, 'east ridge');
      const imdnId = await offer(alice, BOB, path);
      const offered = await alice.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'offering', 30_000);
      // before the INVITE has left there is nothing to cross
      await expect.poll(() => heard, { timeout: 30_000 }).toContain('SIP/2.0 180 Ringing');
      await alice.call['transfers.cancel']({ transferId: offered.transfer?.id as number });
      await sipp.passed;
      await alice.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'cancelled');
    }, 120_000);
  });

  describe('as who calls, over the flow of the registration', () => {
    const calling = (...steps: Step[]): Step[] => [
      { receive: 'REGISTER', keep: { uri: 'sip:alice@127[^>]*' } },
      answer('200 OK', { headers: ['[last_Contact:]'] }),
      ...steps,
      { pause: 300 },
    ];
    interface RequestParts {
      readonly to?: string;
      readonly cseq?: number;
      readonly branch?: string;
      readonly headers?: readonly string[];
      readonly body?: string;
    }
    const request = (method: string, { to = '', cseq = 1, branch = '', headers = [], body = '' }: RequestParts = {}): Step => ({
      send: [
        `${method} [$uri] SIP/2.0`,
        `Via: SIP/2.0/TCP 127.0.0.1:[local_port];branch=z9hG4bK-sipp-${cseq}${branch}`,
        'Max-Forwards: 70',
        `From: <${BOB.address}>;tag=bob`,
        to === '' ? `To: <sip:alice@${DOMAIN}>` : to,
        '[last_Call-ID:]',
        `CSeq: ${cseq} ${method}`,
        `Contact: <${BOB.address};transport=tcp>`,
        ...headers,
        body === '' ? 'Content-Length: 0' : 'Content-Length: [len]',
        '',
        body,
      ].join('\n'),
    });
    const DEAD = `To: <sip:alice@${DOMAIN}>;tag=dead`;

    test('OPTIONS, methods and extensions that nobody knows here, and a dialog that is none', async () => {
      const { sipp } = await start(
        calling(
          request('OPTIONS', { cseq: 1, headers: ['Accept: application/sdp'] }),
          {
            receive: '200',
            check: [
              { header: 'Allow', fits: 'INVITE.*MESSAGE' },
              { header: 'Accept', fits: 'message/cpim' },
            ],
          },
          request('PUBLISH', { cseq: 2 }),
          { receive: '405', check: [{ header: 'Allow', fits: 'INVITE.*MESSAGE' }] },
          request('INVITE', { cseq: 3, headers: ['Require: 100rel'] }),
          { receive: '420', check: [{ header: 'Unsupported', fits: '100rel' }] },
          request('ACK', { cseq: 3, to: '[last_To:]' }),
          request('BYE', { cseq: 4, to: DEAD }),
          { receive: '481' },
          request('INVITE', { cseq: 5, to: DEAD }),
          { receive: '481' },
          request('ACK', { cseq: 5, to: '[last_To:]' }),
          request('UPDATE', { cseq: 6, to: DEAD }),
          { receive: '481' },
        ),
        1,
      );
      await sipp.passed;
    }, 120_000);

    test('a MESSAGE that is sent again is answered again, and stored once', async () => {
      const message = request('MESSAGE', { headers: ['Content-Type: text/plain'], body: 'sent twice' });
      const { alice, sipp } = await start(calling(message, { receive: '200' }, message, { receive: '200' }), 1);
      await sipp.passed;
      expect((await thread(alice)).map(({ text, direction }) => ({ text, direction }))).toEqual([{ text: 'sent twice', direction: 'in' }]);
    }, 120_000);

    /** An MSRP end that is connected to and says nothing but 200. */
    async function msrpEnd(): Promise<{ port: number; path: string }> {
      const engine = createMsrpEngine();
      await engine.listen({ host: '127.0.0.1', port: 0 });
      closing.push(() => engine.close());
      const session = engine.createSession({ onMessage: () => ({ refuse: 403 }), onClosed: () => undefined });
      session.connect({ role: 'passive', remotePath: ['msrp://127.0.0.1:9/unknown;tcp'] }).catch(() => undefined);
      return { port: engine.address.port, path: session.localUri };
    }
    const chat = ({ port, path }: { port: number; path: string }) => description(path, port, 'passive', 'sendrecv');
    const SDP = 'Content-Type: application/sdp';

    test('an INVITE without an offer gets one, and the answer in the ACK makes the session; what nobody understands is refused', async () => {
      const body = chat(await msrpEnd());
      const { sipp } = await start(
        calling(
          // RFC 4475 sections 3.3.6 and 3.3.15
          request('INVITE', { cseq: 1, headers: ['Content-Type: application/unknownformat'], body: '<audio>' }),
          { receive: '100', optional: 'unknown' },
          { label: 'unknown' },
          { receive: '415', check: [{ header: 'Accept', fits: 'application/sdp' }] },
          request('ACK', { cseq: 1, to: '[last_To:]' }),
          request('INVITE', { cseq: 2, headers: ['Accept: text/nobodyKnowsThis', SDP], body }),
          { receive: '100', optional: 'unanswerable' },
          { label: 'unanswerable' },
          { receive: '406' },
          request('ACK', { cseq: 2, to: '[last_To:]' }),
          request('INVITE', { cseq: 3 }),
          { receive: '100', optional: 'trying' },
          { label: 'trying' },
          {
            receive: '200',
            keep: { to: 'To: <sip:alice@sipp.example>;tag=[A-Za-z0-9_-]*' },
            check: [{ fits: 'm=message [0-9]+ TCP/MSRP' }, { fits: 'a=setup:actpass' }],
          },
          request('ACK', { cseq: 3, branch: 'ack', to: '[$to]', headers: [SDP], body }),
          { pause: 500 },
          request('BYE', { cseq: 4, to: '[$to]' }),
          { receive: '200' },
        ),
        1,
      );
      await sipp.passed;
    }, 120_000);

    test('a session that is taken: UPDATE refreshes it, OPTIONS inside is answered, BYE ends it', async () => {
      const body = chat(await msrpEnd());
      const { sipp } = await start(
        calling(
          request('INVITE', { cseq: 1, headers: ['Supported: timer', 'Session-Expires: 1800;refresher=uac', SDP], body }),
          { receive: '100', optional: 'trying' },
          { label: 'trying' },
          { receive: '200', keep: { to: 'To: <sip:alice@sipp.example>;tag=[A-Za-z0-9_-]*' } },
          request('ACK', { cseq: 1, branch: 'ack1', to: '[$to]' }),
          request('UPDATE', { cseq: 2, to: '[$to]', headers: ['Supported: timer', 'Session-Expires: 1800;refresher=uac'] }),
          { receive: '200', check: [{ header: 'Session-Expires', fits: '1800;refresher=uac' }] },
          request('OPTIONS', { cseq: 3, to: '[$to]' }),
          { receive: '200' },
          request('BYE', { cseq: 4, to: '[$to]' }),
          { receive: '200' },
          request('BYE', { cseq: 5, to: '[$to]' }),
          { receive: '481' },
        ),
        1,
      );
      await sipp.passed;
    }, 120_000);

    test('re-INVITEs that cross: the one of the other side is 491, the own one goes on', async () => {
      const body = chat(await msrpEnd());
      const { sipp } = await start(
        calling(
          request('INVITE', {
            cseq: 1,
            headers: ['Supported: timer', 'Allow: INVITE, ACK, BYE', 'Session-Expires: 90;refresher=uas', 'Min-SE: 90', SDP],
            body,
          }),
          { receive: '100', optional: 'trying' },
          { label: 'trying' },
          {
            receive: '200',
            keep: { to: 'To: <sip:alice@sipp.example>;tag=[A-Za-z0-9_-]*' },
            check: [{ header: 'Session-Expires', fits: 'refresher=uas' }],
          },
          request('ACK', { cseq: 1, branch: 'ack1', to: '[$to]' }),
          // half of the interval later
          {
            receive: 'INVITE',
            keep: {
              via: 'Via: SIP/2.0/TCP [^;]*;branch=[A-Za-z0-9._-]*',
              from: 'From: [^;]*;tag=[A-Za-z0-9_-]*',
              cseq: 'CSeq: [0-9]+ INVITE',
            },
          },
          request('INVITE', { cseq: 2, to: '[$to]', headers: [SDP], body }),
          { receive: '491' },
          request('ACK', { cseq: 2, to: '[last_To:]' }),
          {
            send: [
              ...['SIP/2.0 200 OK', '[$via]', '[$from]', `To: <${BOB.address}>;tag=bob`, '[last_Call-ID:]', '[$cseq]'],
              ...[`Contact: <${BOB.address};transport=tcp>`, 'Require: timer', 'Session-Expires: 90;refresher=uac', SDP],
              ...['Content-Length: [len]', '', body],
            ].join('\n'),
          },
          { receive: 'ACK' },
          request('BYE', { cseq: 3, to: '[$to]' }),
          { receive: '200' },
        ),
        1,
      );
      await sipp.passed;
    }, 180_000);
  });
});

function description(path: string, port: number, setup: string, direction: string): string {
  return [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=message ${port} TCP/MSRP *`, `a=${direction}`],
    ...['a=accept-types:message/cpim text/plain', 'a=accept-wrapped-types:*', `a=path:${path}`, `a=setup:${setup}`, ''],
  ].join('\n');
}
