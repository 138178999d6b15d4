import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createClient } from '../../../electron/app/client.ts';
import { systemClock } from '../../../shared/base/clock.ts';
import { ManualNetwork } from '../../harness/manual-network.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const root = temporaryFolder();

/** A client core whose proxy is not there, and how many timers it has running. */
function aClient(name: string, address = 'sip:alice@example.com') {
  const data = join(root, name);
  mkdirSync(data, { recursive: true });
  const log: string[] = [];
  let timers = 0;
  const client = createClient({
    account: {
      address,
      displayName: 'Alice',
      user: 'alice',
      password: 'x',
      outboundProxy: '127.0.0.1:9',
      transport: 'tcp',
      maxFileSize: 0,
    },
    paths: { data, downloads: join(data, 'Downloads') },
    host: {
      chooseFiles: async () => [],
      openPath: async () => {},
      showInFolder: async () => {},
      saveCopy: async () => true,
      openUrl: async () => {},
    },
    network: new ManualNetwork('127.0.0.1'),
    store: { worker: new URL('../../../electron/store/worker.ts', import.meta.url), nativeBinding: null },
    version: '0.1.0',
    platform: 'linux',
    neighbours: [],
    log: (line) => log.push(line),
    clock: {
      now: () => systemClock.now(),
      after(milliseconds, run) {
        timers += 1;
        let over = false;
        const end = () => {
          if (!over) timers -= 1;
          over = true;
        };
        const cancel = systemClock.after(milliseconds, () => {
          end();
          run();
        });
        return () => {
          end();
          cancel();
        };
      },
    },
  });
  return { client, data, log, timers: () => timers };
}

describe('a client core', () => {
  test('that could not start because its store was damaged starts anew at the next try, with a store that nobody holds', async () => {
    const { client, data } = aClient('damaged');
    writeFileSync(join(data, 'parley.db'), 'this is no database at all');
    await expect(client.start()).rejects.toMatchObject({ code: 'store.corrupt' });
    await client.start();
    expect((await client.handlers['conversations.page']({ limit: 5 })).items).toEqual([]);
    await client.stop();
    expect(readdirSync(data)).toContain('parley.db.corrupt-1');
  });

  test('leaves no timer behind that would keep its process alive', async () => {
    const { client, timers } = aClient('timers');
    await client.start();
    await client.stop();
    expect(timers()).toBe(0);
    await client.stop();
    expect(timers()).toBe(0);
  });

  test('can be stopped while it starts, and started again', async () => {
    const { client } = aClient('again');
    const starting = client.start();
    await client.stop();
    await starting;
    await expect(client.handlers['conversations.page']({ limit: 5 })).rejects.toMatchObject({ code: 'store.closed' });
    await client.start();
    expect((await client.handlers['conversations.page']({ limit: 5 })).items).toEqual([]);
    await client.stop();
  });

  test.each(['a\u0000b', 'lone \ud800 surrogate', '\u202e👩‍👩‍👧‍👦 \u{10ffff}'])(
    'keeps the draft and the text %j as far as it is text',
    async (text) => {
      const { client } = aClient(`text-${text.length}`);
      await client.start();
      const { id } = await client.handlers['conversations.open']({ address: 'sip:bob@example.com' });
      const kept = Buffer.from(text, 'utf8').toString('utf8');
      await client.handlers['conversations.saveDraft']({ conversationId: id, text });
      expect((await client.handlers['conversations.page']({ limit: 5 })).items[0]?.draft).toBe(kept);
      await client.handlers['messages.sendText']({ conversationId: id, clientId: '0123456789abcdef', text });
      expect((await client.handlers['messages.page']({ conversationId: id, limit: 5 })).items[0]?.text).toBe(kept);
      await client.stop();
    },
  );

  test('finds what was written, in all conversations and in one, and shows it in its context', async () => {
    const { client } = aClient('searched');
    await client.start();
    const { handlers } = client;
    const [bob, carol] = [
      await handlers['conversations.open']({ address: 'sip:bob@example.com' }),
      await handlers['conversations.open']({ address: 'sip:carol@example.com' }),
    ];
    const send = (conversationId: number, text: string, n: number) =>
      handlers['messages.sendText']({ conversationId, clientId: `client-id-${n}-0123456789`, text });
    const needle = await send(bob.id, 'Grüße aus 东京', 1);
    for (let n = 2; n < 9; n++) await send(bob.id, 'hay', n);
    await send(carol.id, 'Gruß', 9);
    const search = (text: string, conversationId?: number) =>
      handlers['search.messages']({ text, limit: 5, ...(conversationId === undefined ? {} : { conversationId }) });
    expect((await search('gru')).items.map(({ peer, ranges }) => [peer, ranges])).toEqual([
      ['sip:carol@example.com', [[0, 3]]],
      ['sip:bob@example.com', [[0, 3]]],
    ]);
    expect(await search('东京', bob.id)).toMatchObject({
      items: [{ message: { id: needle.id }, ranges: [[10, 12]] }],
      more: false,
      count: 1,
    });
    const page = await handlers['messages.page']({ conversationId: bob.id, around: needle.id, limit: 4 });
    expect([page.items.map(({ text }) => text), page.moreAfter]).toEqual([['Grüße aus 东京', 'hay', 'hay', 'hay'], true]);
    await client.stop();
  });
});
