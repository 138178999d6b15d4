import { describe, expect, test } from 'vitest';
import type { Link } from '../../../electron/services/context.ts';
import { Inbox } from '../../../electron/services/inbox.ts';
import { sendNotification } from '../../../electron/services/receipts.ts';
import { StrangerRoom } from '../../../electron/services/stranger-room.ts';
import type { OutgoingRequest } from '../../../electron/sip/port.ts';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import type { Settings } from '../../../shared/model/settings.ts';
import { CPIM_TYPE, cpimContent, cpimHeaders, decodeCpim, encodeCpim, IMDN_NAMESPACE } from '../../../shared/protocol/cpim/cpim.ts';
import { makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';
import { decodeImdn, encodeImdn, IMDN_TYPE, type ImdnDisposition, type ImdnStatus } from '../../../shared/protocol/imdn/imdn.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { BOB, compose, openWith } from '../store/fixture.ts';
import { stage } from './stage.ts';

const folder = temporaryFolder();
const ME = 'sip:alice@example.com';
const ENVELOPE = {
  peer: BOB,
  title: 'Bob',
  cpmConversationId: 'c',
  contributionId: 'k',
  originInstance: 'urn:uuid:00000000-0000-4000-8000-000000000001',
  answersContribution: null,
  fallbackId: 'f',
  replyTo: null,
  alsoTo: [],
  deferred: false,
  aliases: [],
  route: null,
};

function inboxOf(settings: Partial<Settings> = {}) {
  const world = stage(folder);
  Object.assign(world.context, { settings: { ...world.context.settings, current: { ...world.context.settings.current, ...settings } } });
  const inbox = new Inbox(
    world.context,
    () => undefined,
    { take: () => undefined, ended: () => undefined },
    new StrangerRoom(() => true, world.clock),
  );
  const take = (body: Uint8Array | string) => inbox.take(ENVELOPE, CPIM_TYPE, typeof body === 'string' ? utf8(body) : body);
  return { ...world, take };
}

function text(imdnHeaders: readonly string[]): string {
  const head = ['From: <sip:bob@example.com>', `To: <${ME}>`, 'DateTime: 2026-11-20T10:00:00Z', 'NS: imdn <urn:ietf:params:imdn>'];
  return [...head, ...imdnHeaders, '', 'Content-Type: text/plain', '', 'hello'].join('\r\n');
}

function notification(disposition: ImdnDisposition, status: ImdnStatus, about = 'm1', dateTime = '1999-01-01T00:00:00Z'): Uint8Array {
  const imdn = { messageId: about, dateTime, recipientUri: BOB, originalRecipientUri: BOB, disposition, status };
  return encodeCpim(
    makeCpim({
      from: BOB,
      to: ME,
      dateTime: '2026-11-20T10:00:00Z',
      imdnMessageId: 'n1',
      contentType: IMDN_TYPE,
      contentDisposition: 'notification',
      content: encodeImdn(imdn),
    }),
  );
}

/** What leaves for the first notification that is owed. */
async function leaving(world: ReturnType<typeof inboxOf>): Promise<OutgoingRequest> {
  const requests: OutgoingRequest[] = [];
  const agent = {
    message: async (request: OutgoingRequest) => {
      requests.push(request);
      return { status: 200, reason: 'OK', headers: [], contentType: null, body: utf8('') };
    },
  };
  const [item] = world.calls.outboxTake({ now: 1e12, limit: 1, notifications: 1 }).items;
  if (item?.kind !== 'notification') throw new Error('nothing is owed');
  expect(await sendNotification(world.context, item, { agent } as unknown as Link)).toEqual({ kind: 'accepted' });
  world.calls.outboxUpdate({ outboxId: item.id, event: 'accepted', now: 1e12 });
  return requests[0] as OutgoingRequest;
}

const bodyOf = (request: OutgoingRequest) => decodeImdn(cpimContent(decodeCpim(request.body)));
const ASKED = ['imdn.Message-ID: m1', 'imdn.Disposition-Notification: positive-delivery, negative-delivery, display'];

describe('what is told', () => {
  test('goes back by the way that the message came, to the top of it, in its order (RFC 5438 section 7.2.1)', async () => {
    const world = inboxOf();
    const way = ['imdn.IMDN-Record-Route: "List" <sip:list@example.com>', 'imdn.IMDN-Record-Route: <sip:edge@example.com;lr>'];
    await world.take(text([...ASKED, ...way, 'imdn.Original-To: <sip:team@example.com>']));
    const request = await leaving(world);
    expect(request.target).toBe('sip:list@example.com');
    const cpim = decodeCpim(request.body);
    expect(cpimHeaders(cpim, 'IMDN-Route', IMDN_NAMESPACE)).toEqual(['<sip:list@example.com>', '<sip:edge@example.com;lr>']);
    expect(cpimHeaders(cpim, 'IMDN-Record-Route', IMDN_NAMESPACE)).toEqual([]);
    expect(cpimHeaders(cpim, 'Disposition-Notification', IMDN_NAMESPACE)).toEqual([]);
    expect(cpimHeaders(cpim, 'Message-ID', IMDN_NAMESPACE)[0]).toMatch(/^[\w-]{24}$/);
    expect(bodyOf(request)).toMatchObject({ recipientUri: ME, originalRecipientUri: 'sip:team@example.com', status: 'delivered' });
  });

  test('goes to the author where the way cannot be gone, with the device that asked', async () => {
    const world = inboxOf();
    await world.take(text([...ASKED, 'imdn.IMDN-Record-Route: <javascript:alert(1)>']));
    const request = await leaving(world);
    expect(request.target).toBe(BOB);
    expect(request.headers.filter(({ name }) => name === 'Accept-Contact').at(-1)?.value).toBe(
      `*;+sip.instance="<${ENVELOPE.originInstance}>";require;explicit`,
    );
    expect(bodyOf(request)).toMatchObject({ recipientUri: ME, originalRecipientUri: ME, dateTime: '2026-11-20T10:00:00Z' });
  });

  test('is forbidden where the person refuses, as a notification of display', async () => {
    const world = inboxOf({ displayReports: 'refuse' });
    await world.take(text(ASKED));
    expect(bodyOf(await leaving(world))).toMatchObject({ disposition: 'delivery', status: 'delivered' });
    expect(bodyOf(await leaving(world))).toMatchObject({ disposition: 'display', status: 'forbidden', messageId: 'm1' });
  });

  test('is nothing of display where the person is silent', async () => {
    const world = inboxOf({ displayReports: 'silent' });
    await world.take(text(ASKED));
    world.calls.markRead({ conversationId: 1, upTo: 99, now: 1e12, displayReports: 'silent' });
    expect(bodyOf(await leaving(world)).status).toBe('delivered');
    expect(world.calls.outboxTake({ now: 1e12, limit: 9, notifications: 9 }).items).toEqual([]);
  });

  test('is nothing for words that nobody knows, nor without an id', async () => {
    const world = inboxOf();
    await world.take(text(['imdn.Message-ID: m1', 'imdn.Disposition-Notification: applause, x-y;a=b']));
    await world.take(text(['imdn.Disposition-Notification: positive-delivery, display']));
    world.calls.markRead({ conversationId: 1, upTo: 99, now: 1e12 });
    expect(world.calls.outboxTake({ now: 1e12, limit: 9, notifications: 9 }).items).toEqual([]);
  });

  test('is nothing of a notification, whatever that asks for', async () => {
    const world = inboxOf();
    const asking = fromUtf8(notification('delivery', 'delivered')).replace(
      'imdn.Message-ID: n1',
      'imdn.Message-ID: n1\r\nimdn.Disposition-Notification: positive-delivery, display',
    );
    await world.take(asking);
    expect(world.calls.outboxTake({ now: 1e12, limit: 9, notifications: 9 }).items).toEqual([]);
    expect(world.calls.conversations({ limit: 9 }).items).toEqual([]);
  });
});

describe('what others tell', () => {
  const sent = () => {
    const world = inboxOf();
    compose(world.calls, openWith(world.calls).id, 'm1');
    const state = () => {
      const { message, deliveryReport, displayReport } = world.calls.messageInfo(1);
      return [message.status, deliveryReport, displayReport];
    };
    return { ...world, state };
  };

  test('is matched by the id of the message alone, however late and whatever time it names', async () => {
    const world = sent();
    await world.clock.advance(5 * 365 * 86_400_000);
    await world.take(notification('delivery', 'delivered', 'm1', 'yesterday'));
    expect(world.state()).toEqual(['delivered', null, null]);
  });

  test('displayed implies delivered, and nothing goes backwards', async () => {
    const world = sent();
    await world.take(notification('display', 'displayed'));
    await world.take(notification('delivery', 'delivered'));
    await world.take(notification('delivery', 'failed'));
    expect(world.state()).toEqual(['displayed', null, null]);
    expect(world.calls.message(1)).toMatchObject({ deliveredAt: expect.any(Number), displayedAt: expect.any(Number) });
  });

  test('failed makes it failed, with words of its own', async () => {
    const world = sent();
    await world.take(notification('delivery', 'failed'));
    expect(world.calls.message(1)).toMatchObject({ status: 'failed', error: { code: 'peer.undelivered' } });
  });

  test('failed after delivered counts for nothing', async () => {
    const world = sent();
    await world.take(notification('delivery', 'delivered'));
    await world.take(notification('delivery', 'failed'));
    expect(world.calls.message(1)).toMatchObject({ status: 'delivered', error: null });
  });

  test('forbidden and error claim nothing', async () => {
    const world = sent();
    await world.take(notification('delivery', 'error'));
    await world.take(notification('display', 'forbidden'));
    expect(world.state()).toEqual(['queued', 'error', 'forbidden']);
  });

  test('of processing, the network keeps it or refuses to tell', async () => {
    const world = sent();
    await world.take(notification('processing', 'processed'));
    expect(world.state()).toEqual(['queued', null, null]);
    await world.take(notification('processing', 'stored'));
    expect(world.state()).toEqual(['queued', 'stored', null]);
    await world.take(notification('processing', 'forbidden'));
    expect(world.state()).toEqual(['queued', 'forbidden', null]);
  });

  test('comes in one message from a list server (RFC 5438 section 8.3)', async () => {
    const world = sent();
    compose(world.calls, 1, 'm2');
    const parts = ['m1', 'm2'].map(
      (about) =>
        `--b\r\nContent-Type: ${IMDN_TYPE}\r\n\r\n${fromUtf8(cpimContent(decodeCpim(notification('delivery', 'delivered', about))))}\r\n`,
    );
    const body = `From: <${BOB}>\r\nTo: <${ME}>\r\n\r\nContent-Type: multipart/mixed; boundary="b"\r\nContent-Disposition: notification\r\n\r\n${parts.join('')}--b--\r\n`;
    await world.take(body);
    expect([1, 2].map((id) => world.calls.message(id).status)).toEqual(['delivered', 'delivered']);
  });

  test('a state that nobody knows is passed over', async () => {
    const world = sent();
    await world.take(fromUtf8(notification('delivery', 'delivered')).replace('<delivered/>', '<adored/>'));
    expect(world.state()).toEqual(['queued', null, null]);
  });
});

test('what is owed is owed once, whatever comes twice', async () => {
  const world = inboxOf();
  for (let times = 0; times < 3; times++) await world.take(text(ASKED));
  expect(world.calls.outboxTake({ now: 1e12, limit: 9, notifications: 9 }).items).toHaveLength(1);
});
