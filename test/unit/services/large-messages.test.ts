import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { MsrpSession, OutgoingMessage, SessionHandlers } from '../../../electron/msrp/port.ts';
import type { Link, ServiceContext } from '../../../electron/services/context.ts';
import type { Envelope } from '../../../electron/services/envelope.ts';
import type { Inbox } from '../../../electron/services/inbox.ts';
import { LargeMessages } from '../../../electron/services/large-messages.ts';
import type { Attempt } from '../../../electron/services/outbox.ts';
import { PAGER_LIMIT, sendText, textCpim } from '../../../electron/services/standalone.ts';
import type { DialogEnd, FinalAnswer, OutgoingRequest } from '../../../electron/sip/port.ts';
import type { OutboxItem } from '../../../electron/store/port.ts';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { Emitter } from '../../../shared/base/emitter.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { decodeResourceLists } from '../../../shared/protocol/lists/resource-lists.ts';
import { decodeMultipart, partContentType } from '../../../shared/protocol/multipart/multipart.ts';
import { settle } from '../../harness/manual-clock.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { exampleOctets, headerOf, sipExample } from '../../vectors/example.ts';
import { HEAD, stage } from './stage.ts';

type TextItem = Extract<OutboxItem, { kind: 'text' }>;

const root = temporaryFolder();
const PATH = 'msrp://192.0.2.10:9/Qx63TwxQgGVYjENeIcBE;tcp';
const ANSWER = sipExample('F04-03.sip');
const CPIM_OF_F04 = ['F04-05.msrp', 'F04-06.msrp']
  .map((name) => Buffer.from(exampleOctets(name)).toString('latin1'))
  .map((frame) => frame.slice(frame.indexOf('\r\n\r\n') + 4, frame.lastIndexOf('\r\n-------')))
  .join('');

/** Alice's text of F04 on its way to Bob, and what a test makes of it. */
function world(text = 'The survey of the east ridge took four days. '.repeat(80).trim()) {
  const { clock, context: base, log } = stage(join(root, String(Math.random())));
  const context = { ...base, account: { ...base.account, address: 'sip:alice@home1.example' } } as ServiceContext;
  const invites: OutgoingRequest[] = [];
  const messages: OutgoingRequest[] = [];
  const events: string[] = [];
  const ended = new Emitter<DialogEnd>();
  const taken: Envelope[] = [];
  let handlers: SessionHandlers | null = null;
  let answer: Promise<FinalAnswer> = Promise.resolve({ ...ANSWER, status: 200, reason: 'OK', contentType: 'application/sdp' });
  let pagerAnswer = 202;
  let sending: (message: OutgoingMessage) => Promise<void> = async (message) => message.onProgress?.((message.source as Uint8Array).length);
  const msrp = {
    address: { host: '192.0.2.10', port: 2855 },
    createSession: (given: SessionHandlers, setup?: string): MsrpSession => {
      handlers = given;
      return {
        localUri: PATH,
        announce: async () => ({ protocol: 'TCP/MSRP', address: '192.0.2.10', port: 9, path: [setup === 'active' ? PATH : 'passive'] }),
        connect: async ({ role, remotePath }) => void events.push(`${role} to ${remotePath.join()}`),
        send: (message) => {
          events.push('SEND');
          return sending(message);
        },
        close: async () => void events.push('closed'),
      };
    },
  };
  const link = {
    binding: { localHost: '192.0.2.10' },
    agent: {
      message: async (request: OutgoingRequest) => {
        messages.push(request);
        return { status: pagerAnswer, reason: '', headers: [], contentType: null, body: new Uint8Array() };
      },
      invite: (request: OutgoingRequest) => {
        invites.push(request);
        return { answer, end: async () => void events.push('end'), onEnded: ended.on.bind(ended), onProgress: () => () => undefined };
      },
    },
  } as unknown as Link;
  const inbox = { hasRoom: () => true, take: async (envelope: Envelope) => void taken.push(envelope) } as unknown as Inbox;
  const large = new LargeMessages(context, msrp as never, inbox);
  const item = {
    id: 1,
    kind: 'text',
    attempts: 0,
    peer: 'sip:bob@home2.example',
    audience: 'person',
    target: 'sip:bob@home2.example',
    recipients: [],
    message: { id: 7, text, imdnId: '1tQMdnD4Np1yJCZzXIs67CCW', sentAt: Date.UTC(2026, 2, 2, 10), anonymous: false, replyTo: null },
    cpmConversationId: '4ae47b2b-9417-4a5d-acf5-8c4737244f97',
    contributionId: '58019658-80c5-4921-ae30-bdb787d24a8d',
    reference: null,
  } as unknown as TextItem;
  return {
    clock,
    context,
    item,
    invites,
    messages,
    events,
    log,
    large,
    taken,
    bye: () => ended.emit({ by: 'remote', error: null }),
    flowLost: () => ended.emit({ by: 'link', error: null }),
    handlers: () => handlers as SessionHandlers,
    answers: (given: Promise<FinalAnswer>) => (answer = given),
    refuses: (status: number, headers: FinalAnswer['headers'] = []) =>
      (answer = Promise.resolve({ status, reason: 'No', headers, contentType: null, body: new Uint8Array() })),
    pagerRefuses: (status: number) => (pagerAnswer = status),
    sends: (script: typeof sending) => (sending = script),
    send(attempts = 0): Promise<Attempt> {
      return sendText(context, { ...this.item, attempts }, link, large.send.bind(large));
    },
  };
}

let scene: ReturnType<typeof world>;
beforeEach(() => {
  scene = world();
});
const fails = (code: string, detail = '') => scene.sends(() => Promise.reject(new ParleyError(code as 'msrp.lost', detail)));
/** all chunks are answered, and then that */
const takenThen = (end: (message: OutgoingMessage) => Promise<void>) =>
  scene.sends((message) => {
    message.onProgress?.((message.source as Uint8Array).length);
    return end(message);
  });
const never = () => new Promise<never>(() => undefined);

describe('a large text leaves as in flow F04', () => {
  test('R-LM-02 R-LM-03 R-LM-09: with the header fields of F04-01 that are not the agent’s own, value for value', async () => {
    expect(await scene.send()).toEqual({ kind: 'accepted' });
    const example = sipExample('F04-01.sip');
    const [invite] = scene.invites;
    expect(example.startLine).toBe(`INVITE ${invite?.target} SIP/2.0`);
    const sent = invite?.headers ?? [];
    for (const { name, value } of sent) expect(value, name).toBe(headerOf(example, name));
    const own = [
      'Via',
      'Max-Forwards',
      'Route',
      'From',
      'To',
      'Call-ID',
      'CSeq',
      'Contact',
      'Content-Type',
      'Content-Length',
      'User-Agent',
    ];
    const agents = ['Supported', 'Session-Expires', 'Allow'];
    expect([...sent.map(({ name }) => name), ...own, ...agents].sort()).toEqual(example.headers.map(({ name }) => name).sort());
    expect(headerOf(example, 'Contact').endsWith(`;${invite?.contactParameters}`)).toBe(true);
    expect(invite?.contentType).toBe('application/sdp');
  });

  test('R-LM-13 R-LM-14 R-LM-15 R-LM-16 R-LM-17 R-LM-18: with the lines of its session description', async () => {
    await scene.send();
    const lines = (body: Uint8Array | undefined) =>
      fromUtf8(body ?? new Uint8Array())
        .split('\r\n')
        .filter((line) => !line.startsWith('o='));
    expect(lines(scene.invites[0]?.body).sort()).toEqual(lines(sipExample('F04-01.sip').body).sort());
  });

  test('with the CPIM of F04-05 and F04-06, octet for octet, and its request for notifications', async () => {
    let sent: OutgoingMessage | null = null;
    takenThen(async (message) => {
      sent = message;
    });
    await scene.send();
    expect(sent).toMatchObject({ contentType: 'message/cpim', successReport: true });
    expect(Buffer.from((sent as unknown as OutgoingMessage).source as Uint8Array).toString('latin1')).toBe(CPIM_OF_F04);
  });

  test('R-LM-25 R-LM-26 R-LM-28: connects to the path of the answer, sends, and hangs up', async () => {
    await scene.send();
    expect(scene.events).toEqual(['active to msrp://203.0.113.20:20544/LpshO0IT8pc08PX3WtMV;tcp', 'SEND', 'closed', 'end']);
  });

  test('each attempt has the same octets, so that the receiver knows the message again', async () => {
    const to = scene.item.target;
    expect(textCpim(scene.context, scene.item, to)).toEqual(textCpim(scene.context, { ...scene.item, attempts: 5 }, to));
  });

  test('a notification that comes in its session is taken in as one of the peer', async () => {
    takenThen(async () => {
      const sink = scene.handlers().onMessage({ ...HEAD, contentType: 'message/cpim', total: 2 });
      if (!('write' in sink)) throw new Error('refused');
      await sink.write(0, utf8('hi'));
      await sink.complete(2);
    });
    await scene.send();
    expect(scene.taken.map(({ peer }) => peer)).toEqual(['sip:bob@home2.example']);
  });
});

describe('the mode follows from the octets of the message/cpim', () => {
  const overhead = (text: string) =>
    textCpim(scene.context, { ...scene.item, message: { ...scene.item.message, text } }, scene.item.target).length - utf8(text).length;

  test.each(['x', '漢', '🙂'])('up to 1300 octets a MESSAGE, one more is an INVITE: %s at the boundary', async (last) => {
    const room = PAGER_LIMIT - overhead('x'.repeat(900));
    const fits = 'x'.repeat(room - utf8(last).length) + last;
    for (const [text, messages, invites] of [
      [fits, 1, 0],
      [`x${fits}`, 0, 1],
    ] as const) {
      scene = world(text);
      expect(await scene.send()).toMatchObject({ kind: 'accepted' });
      expect([scene.messages.length, scene.invites.length]).toEqual([messages, invites]);
    }
  });

  test.each([405, 413, 501, 513])('%i to a MESSAGE sends the same CPIM in large message mode', async (status) => {
    scene = world('short');
    scene.pagerRefuses(status);
    expect(await scene.send()).toEqual({ kind: 'accepted' });
    expect([scene.messages.length, scene.invites.length]).toEqual([1, 1]);
  });

  test.each([400, 403, 404, 415, 480, 488, 603])('%i to a MESSAGE does not', async (status) => {
    scene = world('short');
    scene.pagerRefuses(status);
    expect((await scene.send()).kind).not.toBe('accepted');
    expect(scene.invites).toEqual([]);
  });
});

describe('a refused invitation', () => {
  test.each([
    [403, 'failed', 'peer.not-allowed'],
    [404, 'failed', 'peer.unknown'],
    [405, 'failed', 'peer.unsupported'],
    [415, 'failed', 'peer.unsupported'],
    [488, 'failed', 'peer.unsupported'],
    [413, 'failed', 'peer.too-large'],
    [603, 'failed', 'peer.declined'],
    [480, 'postponed', 'peer.unavailable'],
    [486, 'postponed', 'peer.unavailable'],
    [487, 'postponed', 'peer.unavailable'],
    [408, 'postponed', 'peer.timeout'],
    [503, 'postponed', 'link.server'],
  ])('with %i is %s as %s', async (status, kind, code) => {
    scene.refuses(status);
    expect(await scene.send()).toMatchObject({ kind, error: { code } });
    expect(scene.events).not.toContain('SEND');
  });

  test('with 403 and 133 is too large', async () => {
    scene.refuses(403, [{ name: 'Warning', value: '399 home2.example "133 Size exceeded"' }]);
    expect(await scene.send()).toMatchObject({ kind: 'failed', error: { code: 'peer.too-large' } });
  });

  test.each([
    ['a=setup:passive', 'a=max-size:3916', 'peer.too-large'],
    ['m=message 20544', 'm=message 0', 'peer.declined'],
    ['a=accept-types:message/cpim', 'a=accept-types:text/html', 'peer.unsupported'],
    ['a=accept-wrapped-types:text/plain', 'a=accept-wrapped-types:text/html', 'peer.unsupported'],
    ['a=path:', 'a=x-path:', 'peer.malformed'],
  ])('by its answer: %s turned into %s is %s', async (line, into, code) => {
    const body = utf8(fromUtf8(ANSWER.body).replace(line, into));
    scene.answers(Promise.resolve({ ...ANSWER, body, status: 200, reason: 'OK', contentType: 'application/sdp' }));
    expect(await scene.send()).toMatchObject({ kind: 'failed', error: { code } });
    expect(scene.events).toEqual(['closed', 'end']);
  });

  test('by nothing for a minute and a half is cancelled and tried again', async () => {
    scene.answers(never());
    const attempt = scene.send();
    await settle();
    await scene.clock.advance(90_000);
    expect(await attempt).toMatchObject({ kind: 'postponed', error: { code: 'peer.timeout' }, whenOnline: false });
    expect(scene.events).toContain('end');
  });

  test('by a broken flow waits for the next one', async () => {
    scene.answers(Promise.reject(new ParleyError('link.lost', 'gone')));
    expect(await scene.send()).toMatchObject({ kind: 'postponed', whenOnline: true });
  });
});

describe('a session that ends early', () => {
  test.each([
    ['msrp.lost', '', 'postponed', 'peer.unavailable'],
    ['msrp.unreachable', '', 'postponed', 'peer.unavailable'],
    ['msrp.timeout', '', 'postponed', 'peer.timeout'],
    ['msrp.refused', '481 unknown', 'postponed', 'peer.unavailable'],
    ['msrp.refused', '506', 'postponed', 'peer.unavailable'],
    ['msrp.refused', '415', 'failed', 'peer.unsupported'],
    ['msrp.refused', '403 no', 'failed', 'peer.not-allowed'],
    ['msrp.refused', '400', 'failed', 'peer.malformed'],
    ['msrp.stopped', '413', 'postponed', 'peer.unavailable'],
  ])('by %s %s is %s as %s', async (code, detail, kind, told) => {
    fails(code, detail);
    expect(await scene.send()).toMatchObject({ kind, error: { code: told } });
    expect(scene.events.slice(-2)).toEqual(['closed', 'end']);
  });

  test('by 413 again and again is not wanted', async () => {
    fails('msrp.stopped', '413');
    expect(await scene.send(5)).toMatchObject({ kind: 'failed', error: { code: 'peer.declined' } });
  });

  test('by BYE is tried again; by a broken SIP flow it does not end', async () => {
    scene.sends(async ({ signal }) => {
      scene.flowLost();
      expect(signal?.aborted).toBe(false);
      scene.bye();
      expect(signal?.aborted).toBe(true);
      throw new ParleyError('file.cancelled', 'given up by the sender');
    });
    expect(await scene.send()).toMatchObject({ kind: 'postponed', error: { code: 'peer.unavailable' } });
  });

  test('by the app, which is closing, hangs up at once and waits for the next start; no other begins', async () => {
    scene.sends(
      ({ signal }) =>
        new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(new ParleyError('file.cancelled', 'given up by the sender')));
        }),
    );
    const attempt = scene.send();
    await settle();
    expect(scene.events.at(-1)).toBe('SEND');
    scene.large.stop();
    expect(scene.events.at(-1)).toBe('end');
    expect(await attempt).toMatchObject({ kind: 'postponed', error: { code: 'link.offline' }, whenOnline: true });
    expect(await scene.send()).toMatchObject({ kind: 'postponed', whenOnline: true });
    expect(scene.invites).toHaveLength(1);
  });

  test('while it rings and the app is closing is cancelled, and nothing more leaves', async () => {
    scene.answers(never());
    const attempt = scene.send();
    await settle();
    scene.large.stop();
    expect(scene.events).toContain('end');
    expect(await attempt).toMatchObject({ kind: 'postponed', error: { code: 'link.offline' }, whenOnline: true });
  });
});

describe('who took every chunk', () => {
  test('and reports nothing for half a minute has it', async () => {
    takenThen(never);
    const attempt = scene.send();
    await settle();
    await scene.clock.advance(30_000);
    expect(await attempt).toEqual({ kind: 'accepted' });
    expect(scene.events.at(-1)).toBe('end');
  });

  test('and reports a failure does not have it', async () => {
    takenThen(() => Promise.reject(new ParleyError('msrp.stopped', '413')));
    expect((await scene.send()).kind).toBe('postponed');
  });

  test('and goes away without a report gets it again, but not for ever', async () => {
    takenThen(() => Promise.reject(new ParleyError('msrp.lost', 'reset')));
    const kinds = [];
    for (let attempt = 0; attempt < 3; attempt++) kinds.push((await scene.send(attempt)).kind);
    expect(kinds).toEqual(['postponed', 'postponed', 'accepted']);
  });
});

describe('a message that the person cancels', () => {
  const lastEvents = (count: number) => scene.events.slice(-count);

  test('R-LM-20: before the final answer ends the invitation, and has failed as cancelled', async () => {
    scene.answers(new Promise(() => undefined));
    const told: unknown[] = [];
    scene.context.notices.on(({ event, payload }) => event === 'messages.cancellable' && told.push(payload));
    const attempt = scene.send();
    await settle();
    expect(scene.large.underWay).toEqual([7]);
    expect(scene.large.cancel(7)).toBe(true);
    expect(scene.events).toContain('end');
    expect(await attempt).toMatchObject({ kind: 'failed', error: { code: 'message.cancelled' } });
    expect(told).toEqual([{ messageIds: [7] }, { messageIds: [] }]);
    expect(scene.large.cancel(7)).toBe(false);
    expect(scene.invites).toHaveLength(1);
  });

  test('while it flows, it is ended before its session is', async () => {
    scene.sends(
      ({ signal }) => new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new ParleyError('file.cancelled', '')))),
    );
    const attempt = scene.send();
    await settle();
    expect(scene.events.at(-1)).toBe('SEND');
    scene.large.cancel(7);
    expect(await attempt).toMatchObject({ kind: 'failed', error: { code: 'message.cancelled' } });
    expect(lastEvents(2)).toEqual(['closed', 'end']);
  });
});

describe('a large text to several', () => {
  const several = () => {
    scene.item = {
      ...scene.item,
      audience: 'list',
      recipients: ['sip:bob@home2.example', 'sip:carol@home1.example'].map((address) => ({
        ...{ address, name: '', status: 'queued' as const, deliveredAt: null, displayedAt: null, error: null },
      })),
    };
  };

  test('R-LM-10 R-LM-11: goes to the list server as an INVITE with the offer and their list', async () => {
    several();
    expect(await scene.send()).toEqual({ kind: 'accepted' });
    const [invite] = scene.invites as [OutgoingRequest];
    expect(invite.target).toBe('sip:pager-exploder@home1.example');
    expect(invite.headers.map(({ name }) => name)).not.toContain('Content-Disposition');
    const parts = decodeMultipart(invite.body, invite.contentType).parts;
    expect(parts.map((part) => partContentType(part).type)).toEqual(['application/sdp', 'application/resource-lists+xml']);
    expect(decodeResourceLists(parts[1]?.body ?? new Uint8Array()).entries.map(({ uri, copy }) => [uri, copy])).toEqual([
      ['sip:bob@home2.example', 'to'],
      ['sip:carol@home1.example', 'to'],
    ]);
    expect(invite.headers.find(({ name }) => name === 'Require')?.value).toBe('recipient-list-invite');
  });
});
