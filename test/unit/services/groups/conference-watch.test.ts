import { describe, expect, test } from 'vitest';
import { ConferenceWatch } from '../../../../electron/services/groups/conference-watch.ts';
import { fromUtf8 } from '../../../../shared/base/bytes.ts';
import { ParleyError } from '../../../../shared/base/errors.ts';
import { presenceOf, type Roster } from '../../../../shared/model/states/roster.ts';
import { headerOf, sipExample } from '../../../vectors/example.ts';
import { type FakeSubscription, GROUP, watched } from './stage.ts';

const FULL = fromUtf8(sipExample('F07-06.sip').body);
const PART = fromUtf8(sipExample('F07-08.sip').body);
const BOOTED = fromUtf8(sipExample('F10-13.sip').body);
const numbered = (document: string, version: number): string => document.replace(/version="\d+"/, `version="${version}"`);

async function world(options: { anonymous?: boolean } = {}) {
  const { clock, log, subscriptions, context, link } = watched();
  const told: string[] = [];
  const presences = ({ users }: Roster): string =>
    [...users.values()].map((user) => `${user.entity.replace(/^sip:|@.*$/g, '')} ${presenceOf(user)}`).join(', ');
  const watch = new ConferenceWatch(
    context,
    { identity: GROUP, anonymous: options.anonymous ?? false },
    { changed: (roster) => void told.push(presences(roster)), over: () => told.push('over'), untold: () => told.push('untold') },
  );
  watch.begin(link);
  const current = (): FakeSubscription => {
    const last = subscriptions.at(-1);
    if (last === undefined) throw new Error('nothing was subscribed to');
    return last;
  };
  const settle = () => clock.advance(0);
  await settle();
  return { watch, clock, log, link, subscriptions, current, settle, told };
}

const IN = 'alice in, bob in, carol invited, dave invited';

describe('who is in a group', () => {
  test('R-EXT-15 R-EXT-13: is asked of its identity, as F07-04', async () => {
    const { current } = await world();
    const example = sipExample('F07-04.sip');
    const { target, event, accept, expires, headers } = current().request;
    expect(target).toBe(example.startLine.split(' ')[1]);
    expect([event, accept, String(expires)]).toEqual(['Event', 'Accept', 'Expires'].map((name) => headerOf(example, name)));
    for (const { name, value } of headers) expect(value).toBe(headerOf(example, name));
  });

  test('R-GRP-27: is asked without a name by whoever joined without one', async () => {
    const { current } = await world({ anonymous: true });
    expect(current().request.headers).toContainEqual({ name: 'Privacy', value: 'id' });
  });

  test('R-GI-01: is what F07-06, F07-08 and F10-13 tell', async () => {
    const { current, settle, told } = await world();
    current().answer(200);
    for (const document of [FULL, PART, BOOTED]) current().notify(document);
    await settle();
    expect(told).toEqual([IN, 'alice in, bob in, carol in, dave declined', 'alice in, bob in, carol in, dave removed']);
  });

  test('a version that is missing asks for the whole, once until it comes, and again no sooner than 5 s later', async () => {
    const { current, settle, clock, told } = await world();
    current().answer(200);
    current().notify(FULL);
    current().notify(numbered(PART, 5));
    current().notify(numbered(PART, 6));
    await settle();
    expect([current().refreshes, told]).toEqual([1, [IN]]);
    current().notify(numbered(PART, 9));
    await clock.advance(4_999);
    expect(current().refreshes).toBe(1);
    await clock.advance(1);
    expect(current().refreshes).toBe(2);
    current().notify(numbered(FULL, 9));
    current().notify(numbered(PART, 10));
    await clock.advance(60_000);
    expect([current().refreshes, told.length]).toEqual([2, 3]);
  });

  test.each([
    ['no document', 'nonsense', /xml\.malformed/],
    ['a DOCTYPE', `<!DOCTYPE a>${FULL}`, /xml\.malformed/],
    ['another conference', numbered(FULL, 2).replace(GROUP, 'sip:other@cf.home1.example'), /foreign/],
  ])('%s is a line of the log and changes nothing', async (_, document, line) => {
    const { current, settle, told, log, watch } = await world();
    current().notify(FULL);
    current().notify(document);
    current().notify(PART);
    await settle();
    expect(told).toHaveLength(2);
    expect(log.filter((each) => line.test(each))).toHaveLength(1);
    expect(watch.roster.version).toBe(2);
  });

  test('in another format is a line of the log', async () => {
    const { current, settle, told, log } = await world();
    current().notify(FULL, 'application/pidf+xml');
    current().notify(FULL, '');
    await settle();
    expect([told, log.length]).toEqual([[], 2]);
  });

  test.each([
    ['the subscription ended without the group', { reason: 'deactivated' }, 0],
    ['a refresh found nobody (481)', { status: 481 }, 0],
    ['it was to be asked again later', { reason: 'probation', retryAfterMs: 7_000 }, 7_000],
    ['no reason is given', {}, 30_000],
  ])('is asked again where %s, and stays on show until it is told', async (_, end, wait) => {
    const { current, settle, clock, told, subscriptions, watch } = await world();
    current().answer(200);
    current().notify(numbered(FULL, 40));
    await settle();
    current().end(end);
    await clock.advance(Math.max(0, wait - 1));
    expect(subscriptions).toHaveLength(wait === 0 ? 2 : 1);
    await clock.advance(1);
    expect(subscriptions).toHaveLength(2);
    expect(watch.roster.users.size).toBe(4);
    current().notify(FULL);
    await settle();
    expect(told).toEqual([IN, IN]);
  });

  test('is not asked for without a pause where each subscription ends at once', async () => {
    const { current, clock, subscriptions } = await world();
    for (let times = 0; times < 20; times++) {
      current().answer(200);
      current().end({ reason: 'deactivated' });
      await clock.advance(1000);
    }
    expect(subscriptions.length).toBeLessThan(6);
  });

  test('what comes by a subscription that is over counts no more', async () => {
    const { current, settle, clock, told, subscriptions } = await world();
    current().end({ reason: 'deactivated' });
    await clock.advance(0);
    subscriptions[0]?.notify(FULL);
    await settle();
    expect(told).toEqual([]);
  });
});

describe('a group', () => {
  test('is over where its focus says so, after what was told with it', async () => {
    const { current, settle, told, subscriptions, clock } = await world();
    current().notify(FULL);
    current().end({ reason: 'noresource' });
    await settle();
    await clock.advance(3_600_000);
    expect([told, subscriptions.length]).toEqual([[IN, 'over'], 1]);
  });

  test('is over by a document, once', async () => {
    const { current, settle, told } = await world();
    current().notify(FULL);
    current().notify(FULL.replace('state="full" version="1"', 'state="deleted" version="2"'));
    await settle();
    expect(current().isEnded).toBe(true);
    current().end({ reason: 'noresource' });
    await settle();
    expect(told).toEqual([IN, 'over']);
  });

  test.each([403, 404, 410, 489, 501])('whose network answers %i goes on without being told who is in', async (status) => {
    const first = await world();
    first.current().answer(status);
    await first.settle();
    await first.clock.advance(3_600_000);
    expect([first.told, first.subscriptions.length]).toEqual([['untold'], 1]);
    const later = await world();
    later.current().notify(FULL);
    later.current().end({ status });
    await later.settle();
    expect(later.told).toEqual([IN, 'untold']);
  });

  test('whose network does not answer is asked about again later, one without a link by the next', async () => {
    const { current, settle, subscriptions, clock, watch, link } = await world();
    current().fail(new ParleyError('link.timeout', 'no answer in 32 s'));
    await settle();
    await clock.advance(30_000);
    expect(subscriptions).toHaveLength(2);
    current().fail(new ParleyError('link.lost', 'gone'));
    await clock.advance(3_600_000);
    expect(subscriptions).toHaveLength(2);
    watch.begin(link);
    expect(subscriptions).toHaveLength(3);
  });

  test('that is left is told of no more, whatever comes', async () => {
    const { current, settle, told, watch, clock, subscriptions } = await world();
    current().notify(numbered(PART, 7));
    await watch.stop();
    expect(current().isEnded).toBe(true);
    current().notify(FULL);
    current().end({ reason: 'noresource' });
    await settle();
    await clock.advance(60_000);
    expect([told, subscriptions.length, current().refreshes]).toEqual([[], 1, 0]);
  });
});
