import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import { HeadlessProcess } from '../harness/headless-process.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

/** Hands a file of the page to the host. @param whole false: it breaks off in the middle, and nothing answers */
function upload(host: HeadlessProcess, name: string, whole = true): Promise<{ token: string }> {
  const url = new URL(String(host.accounts[0]?.contract).replace(/^ws/, 'http').replace('/contract', '/files'));
  url.searchParams.set('name', name);
  return new Promise((resolve, reject) => {
    const post = request(url, { method: 'POST', headers: { Origin: url.origin } }, (response) => {
      response.setEncoding('utf8');
      let text = '';
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(JSON.parse(text)));
    });
    post.on('error', reject);
    post.write('x'.repeat(1000));
    if (whole) post.end();
  });
}

/** the names of all files in folders of their own */
function copies(uploads: string): string[] {
  return readdirSync(uploads)
    .flatMap((own) => readdirSync(join(uploads, own)))
    .sort();
}

test('copies that a killed app left behind go a day later; what waits in a draft or in the outbox stays', async () => {
  const people = await twoPeople(folder);
  closing.push(() => people.close());
  const { address, user, password, outboundProxy, transport } = people.accountOf('mallory');
  const account = join(folder, 'account.json');
  writeFileSync(account, JSON.stringify({ address, user, password, outboundProxy, transport }));
  const args = ['--account', account, '--user-data', join(folder, 'host')];

  const host = await HeadlessProcess.start(args);
  const client = await host.connect();
  const { id: conversationId } = await client.call('conversations.open', { address: people.bob.address });
  await upload(host, 'forgotten.png');
  const { token: drafted } = await upload(host, 'drafted.png');
  await client.call('conversations.saveDraft', { conversationId, text: 'see this', files: [drafted] });
  const { token: sent } = await upload(host, 'sent.png');
  await client.call('files.send', { conversationId, clientId: randomToken(24), token: sent });
  upload(host, 'half.png', false).catch(() => undefined);
  const uploads = folderOf(join(folder, 'host'));
  await expect.poll(() => copies(uploads), { timeout: 20_000 }).toContain('half.png');
  await host.kill();
  expect(copies(uploads)).toEqual(['drafted.png', 'forgotten.png', 'half.png', 'sent.png']);

  // the next morning
  const again = await HeadlessProcess.start(args);
  await again.connect();
  await wait(1000);
  expect(copies(uploads)).toHaveLength(4);
  await upload(again, 'young.png');
  await again.kill();
  const old = new Date(Date.now() - 25 * 3_600_000);
  for (const own of readdirSync(uploads)) if (!existsSync(join(uploads, own, 'young.png'))) utimesSync(join(uploads, own), old, old);
  const last = await HeadlessProcess.start(args);
  closing.push(() => last.stop());
  await expect.poll(() => copies(uploads), { timeout: 20_000 }).toEqual(['drafted.png', 'sent.png', 'young.png']);
  const reader = await last.connect();
  const { items } = await reader.call('conversations.draftFiles', { conversationId });
  expect(items.map(({ name }) => name)).toEqual(['drafted.png']);
}, 120_000);

function folderOf(userData: string): string {
  const found = (readdirSync(userData, { recursive: true }) as string[]).filter((path) => path.endsWith('uploads'));
  expect(found).toHaveLength(1);
  const path = join(userData, found[0] as string);
  expect(statSync(path).isDirectory()).toBe(true);
  return path;
}
