import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ElectronApplication, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HomeNetwork, startHomeNetwork } from '../../electron/home-network/index.ts';
import type { GatewayLetter } from '../../electron/home-network/interworking/gateway.ts';
import { connectMail } from '../../electron/imap/client.ts';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import { randomToken } from '../../shared/base/random.ts';
import { type ContractClient, connectContract } from '../../shared/ipc/wire.ts';
import type { DeferredOrder } from '../../shared/model/deferred.ts';
import type { Message } from '../../shared/model/message.ts';
import { electronPath, launchElectron, pageChannel, windowTitled } from '../harness/electron-app.ts';
import { networkDatabases } from '../harness/network-databases.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const TEXTS = Array.from({ length: 20 }, (_, at) => `text ${String(at + 1).padStart(2, '0')}`);
/** ten are fetched, five deleted, three stored, two sent on */
const ORDERS = TEXTS.map((_, at): DeferredOrder => (at < 10 ? 'deliver' : at < 15 ? 'delete' : at < 18 ? 'store' : 'interwork'));
const textsOf = (order: DeferredOrder): readonly string[] => TEXTS.filter((_, at) => ORDERS[at] === order);

const MEGABYTES = 200;

/** In their order: Carol is away, Alice writes, Carol's laptop (the real app) and her phone come back. */
describe.skipIf(electronPath === '')('somebody who was away', () => {
  const folder = temporaryFolder();
  let people: TwoPeople;
  let alice: Person;
  let phone: Person;
  let app: ElectronApplication;
  let page: Page;
  let laptop: ContractClient;
  let conversationId: number;
  let fileId: number;
  const letters: GatewayLetter[] = [];
  const gateway = { service: 'email', takes: () => true, send: async (letter: GatewayLetter) => void letters.push(letter) } as const;
  const source = join(folder, 'ridge.bin');
  const laptopArguments = () => ['--account', join(folder, 'carol.json'), '--no-demo', '--user-data', join(folder, 'laptop')];

  beforeAll(async () => {
    const databases = networkDatabases(join(folder, 'network'));
    const network = { gateway, databases, policy: { force: { delivery: 'pull', interworking: 'off' } } } as const;
    people = await twoPeople(folder, { guests: ['carol'], network });
    alice = people.alice;
    const { address } = people.accountOf('carol');
    conversationId = (await alice.call['conversations.open']({ address })).id;
    for (const text of TEXTS) {
      const { imdnId } = await alice.call['messages.sendText']({ conversationId, clientId: randomToken(24), text });
      await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'sent');
    }
    const file = await open(source, 'w');
    await file.truncate(MEGABYTES * 1_048_576);
    await file.write(randomToken(64), MEGABYTES * 500_000);
    await file.close();
    const { token } = await alice.client.offerFile(source);
    fileId = (await alice.call['files.send']({ conversationId, clientId: randomToken(24), token })).id;
    await alice.seesMessage(({ id, transfer }) => id === fileId && transfer?.state === 'done', 60_000);
    writeFileSync(join(folder, 'carol.json'), JSON.stringify({ ...people.accountOf('carol'), maxFileSize: 0 }), { mode: 0o600 });
    mkdirSync(join(folder, 'laptop'));
    [phone, app] = await Promise.all([people.device('carol', 'phone'), launchElectron(laptopArguments())]);
    page = await windowTitled(app, 'carol');
    laptop = connectContract(await pageChannel(page));
  }, 120_000);
  afterAll(async () => {
    await app?.close();
    await people?.close();
  });

  const waitingAt = {
    laptop: async () => (await laptop.call('deferred.overview', {})).count,
    phone: async () => (await phone.call['deferred.overview']({})).count,
  };

  it('R-PF-26 R-PF-39 R-V20-04: both of her devices say what waits', async () => {
    await expect.poll(waitingAt.laptop).toBe(TEXTS.length + 1);
    await expect.poll(waitingAt.phone).toBe(TEXTS.length + 1);
    await page
      .getByRole('navigation')
      .getByText(/21 messages waiting/)
      .waitFor();
  });

  it('R-DEF-07 R-DEF-08 R-DEF-09 R-DEF-10: each is handled as she says, and the other device hears so', async () => {
    const { items } = await laptop.call('deferred.page', { limit: 50 });
    const oldest = items.filter(({ kind }) => kind === 'pager').sort((a, b) => a.sentAt - b.sentAt || a.id - b.id);
    await laptop.call('deferred.order', { orders: oldest.map(({ id }, at) => ({ id, order: ORDERS[at] as DeferredOrder })) });
    await expect.poll(waitingAt.laptop).toBe(1);
    await expect.poll(waitingAt.phone).toBe(1);
    const { id } = await laptop.call('conversations.open', { address: alice.address });
    const { items: came } = await laptop.call('messages.page', { conversationId: id, limit: 50 });
    expect(came.map(({ text }) => text)).toEqual(textsOf('deliver'));
  });

  it('R-PF-44 R-PF-56: what was sent on left as e-mail, and what was stored is in her mailbox', async () => {
    expect(letters.map(({ to, parts }) => `${to}: ${fromUtf8(parts[0]?.octets ?? new Uint8Array(0))}`)).toEqual(
      textsOf('interwork').map((text) => `carol: ${text}`),
    );
    const { messageStore, user, password } = people.accountOf('carol');
    const mail = await connectMail({ ...(messageStore as { host: string; port: number }), security: 'plain', user, password });
    const kept = async () => {
      const all: string[] = [];
      for (const each of await mail.folders())
        for (const uid of await mail.uids(each)) all.push(fromUtf8(await mail.message(each, uid, 1 << 16)));
      return TEXTS.filter((text) => all.some((message) => message.includes(text)));
    };
    await expect.poll(kept).toEqual(textsOf('store'));
    await mail.close();
  });

  it('R-PF-40 R-V20-05: Alice hears of the delivery of each that came or was sent on, and of no other', async () => {
    const delivered = async () =>
      (await alice.history(conversationId)).filter(({ kind, status }) => kind === 'text' && status === 'delivered').map(({ text }) => text);
    await expect.poll(delivered).toEqual([...textsOf('deliver'), ...textsOf('interwork')]);
  });

  it('R-AD-05 R-AD-07 R-PF-33: the file comes by itself once it is wanted; killed in the middle, the laptop goes on where it was', async () => {
    const { id: hers } = await laptop.call('conversations.open', { address: alice.address });
    const { items } = await laptop.call('deferred.page', { limit: 5 });
    const came = new Promise<number>((resolve) => {
      laptop.on('transfer.progress', ({ transferred, size }) => transferred > size / 10 && resolve(transferred));
    });
    await laptop.call('deferred.order', { orders: items.map(({ id }) => ({ id, order: 'deliver' })) });
    const card = async () => (await laptop.call('files.page', { conversationId: hers, limit: 5 })).items[0] as Message;
    await expect.poll(async () => (await card())?.transfer?.state).toMatch(/offered|running|receiving/);
    const { transfer } = await card();
    if (transfer?.state === 'offered') await laptop.call('transfers.accept', { transferId: transfer.id });
    const at = await came;
    app.process().kill('SIGKILL');
    console.log(`killed after ${Math.round((100 * at) / (MEGABYTES * 1_048_576))} %`);
    app = await launchElectron(laptopArguments());
    page = await windowTitled(app, 'carol');
    laptop = connectContract(await pageChannel(page));
    await expect.poll(async () => (await card())?.transfer?.state, { timeout: 60_000 }).toBe('done');
    const saved = join((await laptop.call('app.state', {})).downloadFolder, (await card()).transfer?.savedAs ?? '');
    expect(await sha256(saved)).toBe(await sha256(source));
    await alice.seesMessage(({ id, status }) => id === fileId && status === 'delivered');
  });
});

/** Nobody comes for it: the network keeps what waits for two seconds. */
describe.skipIf(electronPath === '')('somebody who does not come back in time', () => {
  const folder = temporaryFolder();
  let network: HomeNetwork;
  let app: ElectronApplication;

  beforeAll(async () => {
    const users = ['Alice', 'Carol'].map((displayName) => ({ user: displayName.toLowerCase(), password: 'Sl4te-pass', displayName }));
    const databases = networkDatabases(join(folder, 'network'));
    network = await startHomeNetwork({ host: '127.0.0.1', port: 0, domain: 'parley.example', users, databases, policy: { maxExpiry: 2 } });
    writeFileSync(join(folder, 'alice.json'), JSON.stringify({ ...network.accounts[0], maxFileSize: 0 }), { mode: 0o600 });
    app = await launchElectron(['--account', join(folder, 'alice.json'), '--no-demo', '--user-data', join(folder, 'alice')]);
  }, 60_000);
  afterAll(async () => {
    await app?.close();
    await network?.close();
  });

  it('R-PF-27 R-PF-30: Alice reads in words that it was not delivered, beside what she wrote', async () => {
    const page = await windowTitled(app, 'Alice');
    const alice = connectContract(await pageChannel(page));
    const { id } = await alice.call('conversations.open', { address: network.accounts[1]?.address ?? '' });
    const { imdnId } = await alice.call('messages.sendText', { conversationId: id, clientId: randomToken(24), text: 'before ten, please' });
    const sent = async () =>
      (await alice.call('messages.page', { conversationId: id, limit: 5 })).items.find((each) => each.imdnId === imdnId);
    await expect.poll(async () => (await sent())?.status).toBe('failed');
    await page.getByRole('navigation').getByText('before ten, please').click();
    await page.getByRole('main').getByText('before ten, please').waitFor();
    await page.getByText(/It could not be delivered to/).waitFor();
  });
});

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const block of createReadStream(path)) hash.update(block as Buffer);
  return hash.digest('hex');
}
