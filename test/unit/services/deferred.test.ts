import { describe, expect, test } from 'vitest';
import type { Link } from '../../../electron/services/context.ts';
import { DeferredService } from '../../../electron/services/deferred/deferred-service.ts';
import type { Inbox } from '../../../electron/services/inbox.ts';
import type { FinalAnswer, Notification, OutgoingRequest } from '../../../electron/sip/port.ts';
import { fromUtf8, NO_BYTES, utf8 } from '../../../shared/base/bytes.ts';
import { Emitter } from '../../../shared/base/emitter.ts';
import { DEFAULT_SETTINGS } from '../../../shared/model/settings.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { headerOf, sipExample } from '../../vectors/example.ts';
import { stage } from './stage.ts';

const folder = temporaryFolder();
const LIST = sipExample('F19-03.sip');
const HOUR = 3_600_000;

/** The list of F19-03 in a client whose network answers each request for it as the test says. */
async function world(answers: (Pick<FinalAnswer, 'status'> & { retryAfter?: number })[], autoFetchUpTo = 0) {
  const { calls, clock, context, msrp, log } = stage(folder);
  Object.assign(context.settings, { current: { ...DEFAULT_SETTINGS, autoFetchUpTo } });
  const asked: string[] = [];
  const notified = new Emitter<Notification>();
  let refreshes = 0;
  const answer = ({ status, retryAfter }: (typeof answers)[number]): FinalAnswer => ({
    ...{ status, reason: 'Test', contentType: null, body: NO_BYTES },
    headers: retryAfter === undefined ? [] : [{ name: 'Retry-After', value: String(retryAfter) }],
  });
  const link = {
    agent: {
      subscribe: () => ({
        answer: Promise.resolve(answer({ status: 200 })),
        onNotify: (listener: (notification: Notification) => void) => notified.on(listener),
        onEnded: () => () => undefined,
        refresh: async () => {
          refreshes += 1;
        },
        end: async () => undefined,
      }),
      invite: ({ body }: OutgoingRequest) => {
        asked.push(fromUtf8(body));
        const next = answers.shift();
        return {
          answer: next ? Promise.resolve(answer(next)) : new Promise(() => undefined),
          end: async () => undefined,
          onEnded: () => () => undefined,
        };
      },
    },
  } as unknown as Link;
  const service = new DeferredService(context, msrp, {} as Inbox);
  await service.recover();
  service.begin(link);
  const lists = async (xml: string) => {
    notified.emit({ contentType: headerOf(LIST, 'Content-Type'), body: utf8(xml) });
    await clock.advance(500);
  };
  await clock.advance(0);
  await lists(fromUtf8(LIST.body));
  const items = () => calls.deferredPage({ limit: 50 }).items;
  return {
    ...{ service, clock, items, lists, log },
    /** each request, by the actions it asks for */
    asked: () =>
      asked.map((body) => [...body.matchAll(/(dm-\w+)@\S+?cpm_action=(\w+)/g)].map(([, id, action]) => `${id?.slice(-2)} ${action}`)),
    refreshes: () => refreshes,
    states: () => items().map(({ state, error }) => (error === null ? state : `${state} ${error.code}`)),
    order: (order: 'deliver' | 'store', ...sizes: number[]) =>
      service.order({ orders: items().flatMap(({ id, size }) => (sizes.includes(size ?? -1) ? [{ id, order }] : [])) }),
  };
}

describe('a request for what waits', () => {
  test('that is forbidden fails at once, says so, and the list is read anew', async () => {
    const { order, clock, states, asked, refreshes, service } = await world([{ status: 403 }]);
    await order('deliver', 96, 190);
    await clock.advance(HOUR);
    expect(asked()).toEqual([['92 deliver', '94 deliver']]);
    expect(states()).toEqual(['failed deferred.refused', 'waiting', 'failed deferred.refused', 'waiting', 'waiting']);
    expect(service.overview).toMatchObject({ fetching: null, ordered: 0, error: { code: 'deferred.refused' } });
    expect(refreshes()).toBe(1);
  });

  test('for items that the network has no more leaves each with that word, and they can be asked for again', async () => {
    const { order, clock, states, asked } = await world([{ status: 404 }, { status: 404 }]);
    await order('deliver', 96, 190, 214);
    await clock.advance(1000);
    expect(states().filter((each) => each === 'failed deferred.gone')).toHaveLength(3);
    await order('deliver', 96);
    await clock.advance(1000);
    expect(asked()).toEqual([['90 deliver', '92 deliver', '94 deliver'], ['94 deliver']]);
    expect(states()[0]).toBe('failed deferred.gone');
  });

  test('that a busy network puts off leaves again when it said, not before', async () => {
    const { order, clock, asked, service, states } = await world([{ status: 503, retryAfter: 120 }, { status: 403 }]);
    await order('deliver', 96);
    await clock.advance(119_000);
    expect(asked()).toHaveLength(1);
    expect(states()[0]).toBe('chosen');
    expect(service.overview).toMatchObject({ ordered: 1, error: { code: 'peer.unavailable' } });
    await clock.advance(2000);
    expect(asked()).toHaveLength(2);
  });

  test('that brings nothing seven times is given up, and can be given again', async () => {
    const { order, clock, asked, states } = await world(Array.from({ length: 8 }, () => ({ status: 480 })));
    await order('deliver', 96);
    await clock.advance(24 * HOUR);
    expect(asked()).toHaveLength(7);
    expect(states()[0]).toBe('failed peer.unavailable');
    await order('deliver', 96);
    await clock.advance(1000);
    expect(asked()).toHaveLength(8);
  });
});

test('an order that the network took and could not do, its message store being full, has failed', async () => {
  const { order, clock, states, lists } = await world([{ status: 200 }]);
  await order('store', 96);
  await clock.advance(1000);
  const [, entry = ''] = /(<message uri="sip:dm-5f1c7a94@[\s\S]*?<\/message>)/.exec(fromUtf8(LIST.body)) ?? [];
  const partial = (version: number, body: string) =>
    `<deferred-messages xmlns="urn:x-cpm-desk:deferred-messages:1" version="${version}" state="partial">${body}</deferred-messages>`;
  await lists(partial(2, entry));
  expect(states()[0]).toBe('failed deferred.not-done');
});

describe('what is fetched without a question', () => {
  test.each([
    [0, []],
    [200, [['92 deliver', '94 deliver']]],
    [4000, [['90 deliver', '91 deliver', '92 deliver', '94 deliver']]],
  ])('up to %i octets', async (upTo, expected) => {
    const { asked, clock } = await world([{ status: 403 }], upTo);
    await clock.advance(1000);
    expect(asked()).toEqual(expected);
  });
});
