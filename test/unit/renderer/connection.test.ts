import { describe, expect, it } from 'vitest';
import { BANNER_DELAY, Connection } from '../../../renderer/features/connection/connection.svelte.ts';
import { FakeCore } from '../../harness/fake-core.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { coreBridge } from './core-bridge.ts';

const error = { code: 'link.timeout' as const, detail: 'no answer within 32 s' };

function connection(): { clock: ManualClock; connection: Connection } {
  const clock = new ManualClock();
  const one = new Connection(coreBridge(new FakeCore()), clock);
  one.address = 'sip:alice@example.com';
  return { clock, connection: one };
}

describe('the connection', () => {
  it('has a word for every state, and no banner when all is well', async () => {
    const { clock, connection: one } = connection();
    one.apply({ kind: 'registered', since: 0, expiresAt: 1 });
    await clock.advance(60_000);
    expect([one.word, one.tone, one.banner]).toEqual(['Connected', 'good', null]);
  });

  it('says nothing of trouble that passes within two seconds', async () => {
    const { clock, connection: one } = connection();
    one.apply({ kind: 'waiting', since: 0, error, nextTryAt: clock.now() + 1000, failures: 1 });
    await clock.advance(BANNER_DELAY - 1);
    expect(one.banner).toBeNull();
    one.apply({ kind: 'registered', since: 0, expiresAt: 1 });
    await clock.advance(60_000);
    expect(one.banner).toBeNull();
  });

  it('says what, since when and the next try, counting down, when it lasts', async () => {
    const { clock, connection: one } = connection();
    one.apply({ kind: 'waiting', since: 0, error, nextTryAt: clock.now() + 20_000, failures: 1 });
    await clock.advance(2000);
    expect(one.banner).toMatchObject({ what: 'No answer from example.com', error, action: 'retry' });
    expect(one.banner?.more).toMatch(/^Since \d\d[:.]\d\d.*\. Next try in 18 s\. Messages are kept and sent later\.$/);
    await clock.advance(5000);
    expect(one.banner?.more).toContain('Next try in 13 s.');
  });

  it('says without a network that its return is what is waited for', async () => {
    const { clock, connection: one } = connection();
    const offline = { code: 'link.offline' as const, detail: 'the address of this device has changed' };
    one.apply({ kind: 'waiting', since: 0, error: offline, nextTryAt: clock.now() + 20_000, failures: 1 });
    await clock.advance(2000);
    expect(one.banner?.what).toBe('This device is offline');
    expect(one.banner?.more).toContain('Next try as soon as there is a network, or in 18 s.');
  });

  it('keeps the banner, and since when, from one try to the next', async () => {
    const { clock, connection: one } = connection();
    one.apply({ kind: 'waiting', since: 0, error, nextTryAt: clock.now() + 3000, failures: 1 });
    await clock.advance(3000);
    const since = one.banner?.more.split('.')[0];
    await clock.advance(120_000);
    one.apply({ kind: 'connecting', since: 0, failures: 1 } as never);
    expect(one.banner).toMatchObject({ what: 'Connecting to example.com', action: null });
    expect(one.banner?.more.split('.')[0]).toBe(since);
  });

  it('says that no further try is made after a refusal', async () => {
    const { clock, connection: one } = connection();
    one.apply({ kind: 'refused', since: 0, error: { code: 'link.credentials', detail: '401' } });
    await clock.advance(2000);
    expect(one.banner).toMatchObject({ tone: 'failed', what: 'The server does not accept the user name or password', action: 'retry' });
    expect(one.banner?.more).toContain('No further try is made by itself.');
    expect(one.word).toBe('Not signed in');
  });

  it('says at once that the person has signed out, and how to sign in again', async () => {
    const { connection: one } = connection();
    one.apply({ kind: 'signed-out', since: 0 });
    expect([one.word, one.tone]).toEqual(['Signed out', 'busy']);
    expect(one.banner).toEqual({
      tone: 'waiting',
      what: 'Signed out',
      more: 'Messages wait until this account is signed in again.',
      error: null,
      action: 'sign-in',
    });
  });

  it('tells the loss of its own core before all else', async () => {
    const { clock, connection: one } = connection();
    one.apply({ kind: 'registered', since: 0, expiresAt: 1 });
    one.setHostUp(false);
    await clock.advance(2000);
    expect(one.banner).toMatchObject({ what: 'This window lost its client', action: null });
    expect(one.word).toBe('Offline');
    one.setHostUp(true);
    expect(one.banner).toBeNull();
  });
});
