import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { createClient } from '../../../electron/app/client.ts';
import { systemClock } from '../../../shared/base/clock.ts';
import { contract } from '../../../shared/ipc/contract.ts';
import { ManualNetwork } from '../../harness/manual-network.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const root = temporaryFolder();

/** A client core whose proxy is not there, and how many timers it has running. */
function aClient(name: string, address = 'sip:alice@example.com', chosen: string | null = null) {
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
      chooseFolder: async () => chosen,
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

  test('saves files where the person chose in the host’s dialog, which no page can name', async () => {
    const chosen = join(root, 'elsewhere');
    const { client, data } = aClient('folders', undefined, chosen);
    await client.start();
    expect((await client.handlers['app.state']({})).downloadFolder).toBe(join(data, 'Downloads'));
    expect((await client.handlers['settings.chooseDownloadFolder']({})).downloadFolder).toBe(chosen);
    const { params } = contract.methods['settings.change'];
    expect(v.is(params, { autoAcceptUpTo: 1_000_000 })).toBe(true);
    expect(v.is(params, { downloadFolder: '/etc' })).toBe(false);
    const changed = await client.handlers['settings.change']({ autoAcceptUpTo: 1_000_000 });
    expect(changed).toMatchObject({ downloadFolder: chosen, autoAcceptUpTo: 1_000_000 });
    await client.stop();
    const closed = aClient('folders');
    await closed.client.start();
    expect((await closed.client.handlers['settings.chooseDownloadFolder']({})).downloadFolder).toBe(chosen);
    await closed.client.stop();
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
