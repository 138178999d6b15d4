import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
let people: TwoPeople | null = null;
afterEach(async () => {
  await people?.close();
  people = null;
});

test('R-REG-11: who has signed out gets nothing and sends nothing, over a restart too, and all of it after signing in', async () => {
  people = await twoPeople(join(folder, 'people'));
  const { alice, bob } = people;
  const toBob = await alice.conversationWith(bob);
  const toAlice = await bob.conversationWith(alice);
  const write = (person: typeof alice, conversationId: number, text: string) =>
    person.call['messages.sendText']({ conversationId, clientId: randomToken(24), text });

  // in one chat session, of which no text may come through any more either
  await alice.call['settings.change']({ preferredMode: 'session' });
  await bob.call['settings.change']({ preferredMode: 'session' });
  const chatted = await write(alice, toBob.id, 'in a session');
  await bob.seesMessage(({ imdnId }) => imdnId === chatted.imdnId);
  await alice.seesMessage(({ id, status }) => id === chatted.id && status === 'delivered');

  await alice.call['registration.signOut']({});
  expect((await alice.call['app.state']({})).registration.kind).toBe('signed-out');
  const waiting = await write(bob, toAlice.id, 'are you there');
  // the network has no binding of hers any more: 480 (RFC 3261 section 16.5)
  await bob.seesMessage(({ id, status, error }) => id === waiting.id && status === 'queued' && error?.code === 'peer.unavailable');
  const held = await write(alice, toBob.id, 'not yet');

  await alice.client.stop();
  await alice.client.start();
  expect((await alice.call['app.state']({})).registration.kind).toBe('signed-out');
  expect((await alice.history(toBob.id)).map(({ text, status }) => [text, status])).toEqual([
    ['in a session', 'delivered'],
    ['not yet', 'queued'],
  ]);

  await alice.call['registration.signIn']({});
  await alice.sees('registration.changed', ({ kind }) => kind === 'registered');
  await bob.seesMessage(({ imdnId }) => imdnId === held.imdnId);
  await alice.seesMessage(({ imdnId }) => imdnId === waiting.imdnId, 30_000);
  await alice.client.stop();
  await alice.client.start();
  await alice.online();
});
