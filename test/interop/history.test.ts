import { randomFillSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectMail } from '../../electron/imap/client.ts';
import type { MailClient } from '../../electron/imap/port.ts';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { decodeStoredObject, type StoredObject } from '../../shared/protocol/cpm-objects/stored-object.ts';
import { Dovecot, dovecotMissing } from '../harness/dovecot.ts';
import { networkWorker } from '../harness/mail-store.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const PEOPLE = [
  { user: 'alice', password: 'Pa55-0rd' },
  { user: 'bob', password: 'Gr4nite!' },
] as const;
const SERVERS = [
  ['the embedded Message Storage Server', null] as const,
  ...(dovecotMissing === null ? [['Dovecot', Dovecot] as const] : []),
];
const title = `recorded conversations in %s${dovecotMissing === null ? '' : ` (Dovecot skipped: ${dovecotMissing})`}`;

describe.each(SERVERS)(title, (_, Server) => {
  const folder = temporaryFolder();
  let dovecot: Dovecot | null = null;
  let people: TwoPeople;
  let alice: Person;
  let bob: Person;
  const log: string[] = [];

  beforeAll(async () => {
    dovecot = Server === null ? null : await Server.start(PEOPLE);
    const historyServer =
      dovecot === null
        ? {}
        : { historyServer: { host: '127.0.0.1', port: dovecot.port, security: 'plain', user: '{user}', password: '{password}' } as const };
    const databases = { worker: networkWorker, nativeBinding: null, folder: join(folder, 'network') };
    const policy = { force: { recording: true }, deferring: false };
    people = await twoPeople(folder, {
      network: { databases, policy, media: { msrp: 'anchor' }, log: (line) => log.push(line), ...historyServer },
    });
    ({ alice, bob } = people);
  }, 60_000);
  afterAll(async () => {
    await people?.close();
    await dovecot?.stop();
  });

  function mail({ user, password }: { readonly user: string; readonly password: string }): Promise<MailClient> {
    const port = dovecot?.port ?? people.accountOf('alice').messageStore?.port ?? 0;
    return connectMail({ host: '127.0.0.1', port, security: 'plain', user, password });
  }

  async function stored(who: (typeof PEOPLE)[number]): Promise<{ readonly folder: readonly string[]; readonly object: StoredObject }[]> {
    await people.network.history?.settled();
    const client = await mail(who);
    try {
      const all: { folder: readonly string[]; object: StoredObject }[] = [];
      for (const each of await client.folders()) {
        for (const uid of await client.uids(each))
          all.push({ folder: each, object: decodeStoredObject(await client.message(each, uid, 1 << 24)) });
      }
      return all;
    } finally {
      await client.close();
    }
  }

  async function write(from: Person, to: { readonly address: string }, text: string): Promise<Message> {
    const { id } = await from.call['conversations.open']({ address: to.address });
    return from.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
  }

  test('R-PF-46 R-PF-47 R-PF-52 R-PF-53 R-PF-54 a message and what came back for it, each in its owner’s own mailboxes', async () => {
    const sent = await write(alice, bob, 'Grüße 😀\nfrom the summit');
    await alice.seesMessage(({ imdnId, status }) => imdnId === sent.imdnId && status === 'delivered');
    for (const [who, direction] of [
      [PEOPLE[0], 'sent'],
      [PEOPLE[1], 'received'],
    ] as const) {
      const all = await stored(who);
      const found = all.filter(({ object }) => object.headers.imdnMessageId === sent.imdnId);
      expect(found).toHaveLength(1);
      const [{ object, folder: at } = { object: undefined, folder: [] }] = found;
      expect(object).toMatchObject({
        kind: 'message',
        contentType: 'Message/CPIM',
        headers: { direction, from: { address: alice.address } },
      });
      expect(object?.headers.contributionId).not.toBeNull();
      expect(at).toEqual([object?.headers.conversationId]);
      expect(object?.kind === 'message' && fromUtf8(object.content)).toContain('Grüße 😀\nfrom the summit');
      const notification = all.filter(({ object: each }) => each.kind === 'message' && fromUtf8(each.content).includes('<delivered'));
      expect(notification).toHaveLength(1);
    }
  });

  test('R-PF-48 R-PF-52 a chat: one session info object, its messages and their notifications, in a folder of its own', async () => {
    await alice.call['settings.change']({ preferredMode: 'session' });
    const texts = ['in a chat', '漢'.repeat(20_000)];
    for (const text of texts) {
      const sent = await write(alice, bob, text);
      await alice.seesMessage(({ imdnId, status }) => imdnId === sent.imdnId && status === 'delivered');
    }
    await alice.call['settings.change']({ preferredMode: 'standalone' });
    for (const who of PEOPLE) {
      const all = (await stored(who)).filter(({ folder: at }) => at.length === 2);
      expect(new Set(all.map(({ folder: at }) => at.join())).size).toBe(1);
      const contents = all.flatMap(({ object }) => (object.kind === 'message' ? [fromUtf8(object.content)] : []));
      for (const text of texts) expect(contents.filter((content) => content.includes(text))).toHaveLength(1);
      expect(contents.filter((content) => content.includes('<delivered')).length).toBeGreaterThanOrEqual(2);
      const sessions = all.flatMap(({ object }) => (object.kind === 'session' ? [object] : []));
      expect(sessions).toHaveLength(1);
      expect(sessions[0]?.session).toMatchObject({ sessionType: '1-1', outcome: 'accepted', invited: [bob.address] });
      expect(sessions[0]?.session.sdp).toContain('m=message');
      expect(all[0]?.folder).toEqual([sessions[0]?.headers.conversationId, sessions[0]?.headers.contributionId]);
    }
  });

  test('R-PF-51 R-PF-56 a file with its description', async () => {
    const path = join(folder, `${randomToken(6)} Grüße.bin`);
    const octets = randomFillSync(Buffer.alloc(400_000));
    await writeFile(path, octets);
    const { id } = await alice.call['conversations.open']({ address: bob.address });
    const { token } = await alice.client.offerFile(path);
    const sent = await alice.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    const offered = await bob.seesMessage(({ imdnId, transfer }) => imdnId === sent.imdnId && transfer?.state === 'offered');
    await bob.call['transfers.accept']({ transferId: offered.transfer?.id as number });
    await alice.seesMessage(({ imdnId, transfer }) => imdnId === sent.imdnId && transfer?.state === 'done');
    const objects = (await stored(PEOPLE[1])).flatMap(({ object }) => (object.kind === 'file' ? [object] : []));
    expect(objects).toHaveLength(1);
    expect(objects[0]?.transfer.files[0]?.sdp).toContain('a=file-selector:');
    expect(objects[0]?.files[0]?.name).toContain('Grüße.bin');
    expect(Buffer.from(objects[0]?.files[0]?.content ?? []).equals(octets)).toBe(true);
  });

  // an operator's own store is not told to devices
  if (Server === null)
    test('R-PF-03 a new device fetches what was said, once, at its place, and tells nobody', async () => {
      await people.network.history?.settled();
      const before = await alice.history((await alice.conversationWith(bob)).id);
      const laptop = await people.device('alice', `laptop-${randomToken(4)}`);
      const { items } = await laptop.call['history.people']({});
      expect(items).toEqual([expect.objectContaining({ peer: bob.address, name: 'Bob' })]);
      const page = await laptop.call['history.items']({ peer: bob.address });
      expect(page.items.map(({ kind }) => kind).sort()).toEqual(['file', 'session', 'text', 'text', 'text']);
      expect(page.items.find(({ kind }) => kind === 'file')?.text).toContain('Grüße.bin');
      const found = await laptop.call['history.items']({ text: 'SUMMIT' });
      expect(found.items).toEqual([expect.objectContaining({ kind: 'text', text: 'Grüße 😀\nfrom the summit', direction: 'out' })]);
      laptop.said.length = 0;
      const fetched = await laptop.call['history.fetch']({ peer: bob.address });
      expect(fetched).toMatchObject({ fetched: 3, known: 0, left: 2 });
      const texts = before.filter(({ kind }) => kind === 'text');
      const now = await laptop.history(fetched.conversationId as number);
      const told = ({ text, imdnId, sentAt, status, direction }: Message) => ({ text, imdnId, sentAt, status, direction });
      expect(now.map(told)).toEqual(texts.map(told));
      expect(await laptop.call['history.fetch']({ peer: bob.address })).toMatchObject({ fetched: 0, known: 3 });
      expect(laptop.said.filter((line) => /^(MESSAGE|INVITE) /.test(line))).toEqual([]);
      const [first] = page.items;
      expect(await laptop.call['history.remove']({ peer: bob.address, ids: [first?.id as string] })).toEqual({ removed: 1 });
      expect((await laptop.call['history.items']({ peer: bob.address })).items).toHaveLength(4);
      expect((await stored(PEOPLE[1])).length).toBeGreaterThan(0);
    });

  test('R-PF-50 an invitation that was missed', async () => {
    await bob.client.stop();
    const path = join(folder, `${randomToken(6)}.bin`);
    await writeFile(path, 'nobody is there');
    const { id } = await alice.call['conversations.open']({ address: bob.address });
    const { token } = await alice.client.offerFile(path);
    const sent = await alice.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    await alice.seesMessage(({ imdnId, error }) => imdnId === sent.imdnId && error?.code === 'peer.unavailable');
    const missed = (await stored(PEOPLE[1])).flatMap(({ object }) =>
      object.kind === 'session' && object.session.outcome === 'missed' ? [object] : [],
    );
    expect(missed).toHaveLength(1);
    expect(missed[0]).toMatchObject({ headers: { direction: 'received', from: { address: alice.address } } });
    expect(missed[0]?.session.sdp).toContain('a=file-selector:');
  });
});
