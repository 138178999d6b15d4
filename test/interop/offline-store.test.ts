import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Message } from '../../shared/model/message.ts';
import { Kamailio, type KamailioOptions, kamailioMissing } from '../harness/kamailio.ts';
import { KamailioPeople, write } from '../harness/kamailio-people.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import type { Person } from '../harness/two-people.ts';

const title = `Kamailio's store for messages to who is away${kamailioMissing === null ? '' : ` (skipped: ${kamailioMissing})`}`;
const BOB = { address: `sip:bob@${Kamailio.domain}` };

/** It gives message/cpim back as text/plain. */
describe.skipIf(kamailioMissing !== null)(title, () => {
  const folder = temporaryFolder();
  const closing: (() => Promise<void>)[] = [];
  let runs = 0;
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function world(defines: KamailioOptions['defines'] = []): Promise<KamailioPeople> {
    const core = await Kamailio.start({ digest: 'SHA-256', defines });
    closing.push(() => core.stop());
    const people = new KamailioPeople(core, join(folder, String(++runs)));
    closing.push(() => people.close());
    return people;
  }

  const thread = async (person: Person, other: { address: string }): Promise<Message[]> =>
    person.history((await person.call['conversations.open']({ address: other.address })).id);

  test.each([{ defines: [] }, { defines: ['STAMPS_BODY'] as const }])(
    'what was written to somebody who is away arrives once he is back, as it was written ($defines)',
    async ({ defines }) => {
      const people = await world(defines);
      const alice = await people.join('alice');
      const texts = ['Grüße – at 10?', 'From: nobody\r\nTo: nobody', 'and then?'];
      const ids: string[] = [];
      for (const text of texts) ids.push(await write(alice, BOB, text));
      for (const id of ids) await alice.seesMessage((message) => message.imdnId === id && message.status === 'sent', 30_000);
      // so that the time of writing and that of arrival differ
      await new Promise((resolve) => setTimeout(resolve, 1200));
      const back = Date.now();
      const bob = await people.join('bob');
      for (const id of ids) await bob.seesMessage((message) => message.imdnId === id, 30_000);
      for (const id of ids) await alice.seesMessage((message) => message.imdnId === id && message.status === 'delivered', 30_000);
      const written = await thread(alice, bob);
      const arrived = await thread(bob, alice);
      const told = (messages: Message[]) => messages.map(({ text, imdnId, sentAt }) => ({ text, imdnId, sentAt }));
      expect(told(arrived).sort(byId)).toEqual(told(written).sort(byId));
      for (const { sentAt } of arrived) expect(sentAt).toBeLessThan(back);
    },
    240_000,
  );

  test('a notification that waited in the store is a notification, not a text', async () => {
    const people = await world(['STAMPS_BODY']);
    const alice = await people.join('alice');
    const id = await write(alice, BOB, 'read this when you are back');
    await alice.seesMessage((message) => message.imdnId === id && message.status === 'sent', 30_000);
    await people.leave(alice);
    const bob = await people.join('bob');
    await bob.seesMessage((message) => message.imdnId === id, 30_000);
    const again = await people.join('alice');
    await again.seesMessage((message) => message.imdnId === id && message.status === 'delivered', 30_000);
    expect(await thread(again, BOB)).toHaveLength(1);
  }, 240_000);

  test('what arrived and was kept as well is there once', async () => {
    const people = await world(['STORES_ALL']);
    const alice = await people.join('alice');
    const bob = await people.join('bob');
    const id = await write(alice, bob, 'once');
    await alice.seesMessage((message) => message.imdnId === id && message.status === 'delivered', 30_000);
    await people.leave(bob);
    const copies: string[] = [];
    const again = await people.join(
      'bob',
      {},
      {
        sipTap: (direction, octets) => {
          const text = Buffer.from(octets).toString();
          if (direction === 'in' && text.startsWith('MESSAGE') && text.includes('\r\nonce')) copies.push(text);
        },
      },
    );
    await expect.poll(() => copies.length, { timeout: 30_000 }).toBe(1);
    expect(copies[0]).toContain('Content-Type: text/plain\r\n');
    const last = await write(alice, again, 'the last one');
    await again.seesMessage((message) => message.imdnId === last, 30_000);
    expect((await thread(again, alice)).map(({ text }) => text)).toEqual(['once', 'the last one']);
  }, 240_000);
});

function byId(a: { imdnId: string }, b: { imdnId: string }): number {
  return a.imdnId < b.imdnId ? -1 : 1;
}
