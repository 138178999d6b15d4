import { mkdirSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type HomeNetworkOptions, startHomeNetwork } from '../../electron/home-network/index.ts';
import { systemClock } from '../../shared/base/clock.ts';
import { randomToken } from '../../shared/base/random.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Person, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

test('a text that was removed before the network was there never leaves; the one behind it does', async () => {
  const options: HomeNetworkOptions = {
    host: '127.0.0.1',
    port: 0,
    domain: 'parley.example',
    users: [
      { user: 'alice', password: 'Pa55-0rd', displayName: 'Alice' },
      { user: 'bob', password: 'Gr4nite!', displayName: 'Bob' },
    ],
  };
  const before = await startHomeNetwork(options);
  const { accounts, address } = before;
  await before.close();
  const [alice, bob] = ['alice', 'bob'].map((user) => {
    const account = accounts.find((candidate) => candidate.user === user);
    if (account === undefined) throw new Error(`no account ${user}`);
    const data = join(folder, `withdraw-${user}`);
    mkdirSync(data, { recursive: true });
    const person = new Person({
      account: { ...account, maxFileSize: 0 },
      paths: { data, downloads: join(data, 'Downloads') },
      store: { worker: new URL('../../electron/store/worker.ts', import.meta.url), nativeBinding: null },
      version: '0.1.0',
      platform: 'linux',
      neighbours: [],
      clock: systemClock,
    });
    closing.push(() => person.client.stop());
    return person;
  }) as [Person, Person];
  await alice.client.start();
  const { id } = await alice.conversationWith(bob);
  const write = (text: string) => alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
  const withdrawn = await write('regretted');
  const kept = await write('meant');
  await alice.call['messages.remove']({ messageId: withdrawn.id });
  expect((await alice.history(id)).map(({ text }) => text)).toEqual(['meant']);
  await alice.sees('message.removed', ({ messageId }) => messageId === withdrawn.id);

  const network = await startHomeNetwork({ ...options, port: address.port });
  closing.push(() => network.close());
  await bob.client.start();
  await bob.online();
  await alice.call['registration.retryNow']({});
  await alice.seesMessage((message) => message.id === kept.id && message.status === 'delivered');
  const own = await bob.conversationWith(alice);
  expect((await bob.history(own.id)).map(({ text }) => text)).toEqual(['meant']);
});

test('a file that is removed while it is offered takes its invitation back; a received one leaves the saved file alone', async () => {
  const people = await twoPeople(join(folder, 'files'));
  closing.push(people.close);
  const { alice, bob } = people;
  const { id } = await alice.conversationWith(bob);
  const path = join(folder, 'plan.txt');
  await writeFile(path, 'the plan');
  const send = async () => {
    const { token } = await alice.client.offerFile(path);
    return alice.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
  };

  const first = await send();
  await bob.seesMessage((message) => message.imdnId === first.imdnId && message.transfer?.state === 'offered');
  await alice.call['messages.remove']({ messageId: first.id });
  await bob.seesMessage((message) => message.imdnId === first.imdnId && message.transfer?.state === 'cancelled');

  const second = await send();
  const offered = await bob.seesMessage((message) => message.imdnId === second.imdnId && message.transfer?.state === 'offered');
  await bob.call['transfers.accept']({ transferId: offered.transfer?.id as number });
  await bob.seesMessage((message) => message.id === offered.id && message.transfer?.state === 'done');
  await bob.call['messages.remove']({ messageId: offered.id });
  await alice.seesMessage((message) => message.id === second.id && message.status === 'delivered');
  expect((await bob.history(offered.conversationId)).map(({ imdnId }) => imdnId)).toEqual([first.imdnId]);
  expect(await readdir(bob.downloads)).toEqual(['plan.txt']);
});
