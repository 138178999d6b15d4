import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import { HeadlessProcess } from '../harness/headless-process.ts';
import { wholeHistory } from '../harness/history.ts';
import { sequence } from '../harness/sequence.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { twoPeople } from '../harness/two-people.ts';

const KILLS = 50;
const MESSAGES = 500;
const folder = temporaryFolder();
const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

test(`the sender is killed ${KILLS} times while ${MESSAGES} messages are sent: all arrive, none twice, in order`, async () => {
  const people = await twoPeople(folder);
  closing.push(() => people.close());
  const { bob } = people;
  const account = people.accountOf('mallory');

  const accountFile = join(folder, 'sender.json');
  const { address, user, password, outboundProxy, transport } = account;
  writeFileSync(accountFile, JSON.stringify({ address, user, password, outboundProxy, transport }));
  const args = ['--account', accountFile, '--user-data', join(folder, 'sender')];

  const random = sequence(20261120);
  // every tenth is too large for pager mode
  const texts = Array.from({ length: MESSAGES }, (_, index) => ({
    clientId: randomToken(24),
    text: `message ${index}${index % 10 === 9 ? ' and more'.repeat(560) : ''}`,
  }));
  const confirmed = new Set<string>();
  let begun = 0;
  let interrupted = 0;
  for (let life = 0; life < KILLS; life++) {
    const host = await HeadlessProcess.start(args);
    const sender = await host.connect();
    begun = Math.max(begun, Math.ceil(((life + 1) * MESSAGES) / KILLS));
    const sending = (async () => {
      const { id } = await sender.call('conversations.open', { address: bob.address });
      // one after the other, as a person writes; what was not confirmed before the kill is asked for again, with the same id
      for (const message of texts.slice(0, begun)) {
        if (confirmed.has(message.clientId)) continue;
        await sender.call('messages.sendText', { conversationId: id, ...message });
        confirmed.add(message.clientId);
      }
    })().catch(() => undefined);
    await wait(random() * 120);
    await host.kill();
    await sending;
    if (confirmed.size < begun) interrupted++;
  }

  console.log(`${interrupted} of ${KILLS} kills came while messages were being handed over`);
  expect(interrupted).toBeGreaterThan(0);

  const host = await HeadlessProcess.start(args);
  closing.push(() => host.stop());
  const sender = await host.connect();
  const { id } = await sender.call('conversations.open', { address: bob.address });
  for (const message of texts) {
    if (!confirmed.has(message.clientId)) await sender.call('messages.sendText', { conversationId: id, ...message });
  }
  const sent = () => wholeHistory((page) => sender.call('messages.page', page), id);
  const deadline = Date.now() + 60_000;
  let own = await sent();
  while (own.some((message) => message.status !== 'delivered') && Date.now() < deadline) {
    await wait(200);
    own = await sent();
  }
  expect(own.map((message) => message.text)).toEqual(texts.map((message) => message.text));
  expect(own.filter((message) => message.status !== 'delivered')).toEqual([]);

  const { id: bobsId } = await bob.call['conversations.open']({ address });
  const arrived = await wholeHistory(bob.call['messages.page'], bobsId);
  expect(arrived.map((message) => message.text)).toEqual(texts.map((message) => message.text));
}, 300_000);
