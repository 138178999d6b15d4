import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MessageStoreServer } from '../../electron/home-network/message-store/server.ts';

import { encodeStoredObject, type StoredObject } from '../../shared/protocol/cpm-objects/stored-object.ts';
import { imapClient, judgedByPython, MAIL_PEOPLE, mailStore, pythonMissing } from '../harness/mail-store.ts';
import { FILE_SDP, storedFile, storedMessage } from '../harness/stored-objects.ts';

const [ALICE, BOB] = MAIL_PEOPLE;

function base64Lines(objects: readonly StoredObject[]): string {
  return objects.map((object) => Buffer.from(encodeStoredObject(object)).toString('base64')).join('\n');
}

describe.skipIf(pythonMissing !== null)("stored objects read by Python's email package", () => {
  interface Seen {
    readonly headers: Readonly<Record<string, string>>;
    readonly time: number;
    readonly from: readonly (readonly [string, string])[];
    readonly to: readonly (readonly [string, string])[];
    readonly defects: readonly string[];
    readonly longest: number;
    readonly parts: readonly {
      readonly type: string;
      readonly name: string | null;
      readonly id: string | null;
      readonly content: string | null;
    }[];
  }
  const subject = 'Plän für 中文 😀, and a subject that is longer than any line of a header may be without being folded somewhere';

  test('R-PF-47 R-PF-53 a message has the headers that link it, in any script', async () => {
    const object = storedMessage({ text: 'Grüße', subject });
    const [seen] = await judgedByPython<Seen[]>('email_judge.py', [], base64Lines([object]));
    expect(seen).toMatchObject({
      headers: {
        Subject: subject,
        'Conversation-ID': 'c1',
        'Contribution-ID': 'k1',
        'IMDN-Message-ID': 'imdn-1',
        'Message-Direction': 'sent',
        'P-Asserted-Service': 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg',
        'Content-Type': 'Message/CPIM',
      },
      time: (object.headers.date ?? 0) / 1000,
      from: [['Älice "A", <x>', 'alice@parley.example']],
      to: [
        ['', 'bob@parley.example'],
        ['Carol', '+49301234567@tel.invalid'],
      ],
      defects: [],
    });
    expect(seen?.longest).toBeLessThanOrEqual(78);
  });

  test('R-PF-51 a file transfer object: the description first, then the file, octet by octet', async () => {
    const octets = Uint8Array.from({ length: 5000 }, (_, at) => (at * 7) & 255);
    const [seen] = await judgedByPython<Seen[]>('email_judge.py', [], base64Lines([storedFile(octets)]));
    expect(seen?.defects).toEqual([]);
    expect(seen?.headers['Content-Type']).toContain('type="Application/X-CPM-File-Transfer"');
    const [whole, description, file] = seen?.parts ?? [];
    expect(whole?.type).toBe('multipart/related');
    expect(description?.type).toBe('application/x-cpm-file-transfer');
    const xml = Buffer.from(description?.content ?? '', 'base64').toString();
    expect(xml).toContain('<cid>file-1@parley.example</cid>');
    expect(xml).toContain(FILE_SDP.split('\r\n', 1)[0]);
    expect(file).toMatchObject({ name: 'Grüße (2).bin', id: '<file-1@parley.example>' });
    expect(Buffer.from(file?.content ?? '', 'base64').equals(octets)).toBe(true);
  });
});

describe.skipIf(pythonMissing !== null)("the message store used by Python's imaplib", () => {
  let server: MessageStoreServer;
  let seen: Record<string, unknown>;
  beforeAll(async () => {
    server = await mailStore();
    const objects = [
      storedMessage({ text: 'A MOUNTAIN of Grüße', subject: 'Plän for a plan' }),
      storedMessage({ text: 'second', conversationId: 'c2' }),
      storedFile(),
    ];
    seen = await judgedByPython('imap_judge.py', [String(server.address.port), ALICE.user, ALICE.password], base64Lines(objects));
  });
  afterAll(() => server.close());

  test('signs in by LOGIN and AUTHENTICATE, and not with a wrong password', () => {
    expect(seen['wrong']).toContain('AUTHENTICATIONFAILED');
    expect(seen['greeting']).toEqual(expect.arrayContaining(['IMAP4REV1', 'CONDSTORE', 'UIDPLUS', 'IDLE', 'LITERAL+']));
    expect(seen['plain']).toBe('a OK');
    expect(seen['namespace']).toEqual(['(("" "/")) NIL NIL']);
  });

  test('makes, lists, subscribes and deletes mailboxes', () => {
    const names = (list: unknown): string[] => (list as string[]).map((line) => line.split('"').at(-2) ?? '');
    expect(names(seen['list'])).toEqual(['conversation', 'INBOX', 'conversation/session', 'other']);
    expect(names(seen['level'])).toEqual(['conversation', 'INBOX', 'other']);
    expect(names(seen['lsub'])).toEqual(['conversation']);
    expect(seen['twice']).toBe('NO');
    expect(names(seen['deleted'])).toEqual(['conversation', 'INBOX', 'conversation/session']);
  });

  test('R-PF-53 keeps messages octet by octet and finds them', () => {
    expect(seen['appended']).toEqual([1, 2, 3].map((uid) => expect.stringMatching(new RegExp(`^\\[APPENDUID \\d+ ${uid}\\]`))));
    expect(seen['missing']).toBe('NO');
    expect(seen['status']).toEqual(['"conversation" (MESSAGES 3 UIDNEXT 4 UNSEEN 0 HIGHESTMODSEQ 4)']);
    expect(seen['select']).toEqual(['3']);
    expect(seen['back']).toEqual([true, true, true]);
    expect(seen['partial']).toBe(true);
    expect(seen['fields']).toBe('Subject: =?UTF-8?B?UGzDpG4gZm9yIGEgcGxhbg==?=\r\nConversation-ID: c1\r\n\r\n');
    expect(seen['fast']).toEqual(
      [0, 1, 2].map((at) => expect.stringContaining(`(UID ${at + 1} FLAGS ($Kept \\Seen) INTERNALDATE "14-Nov-2023 22:13:2${at} +0000"`)),
    );
    expect((seen['parts'] as string[])[0]).toContain('<file-transfer>');
    expect((seen['parts'] as string[])[1]).toContain('Content-ID: <file-1@');
    expect(seen['search']).toEqual({
      all: '1 2 3',
      header: '1 3',
      subject: '1',
      text: '1',
      none: '',
      since: '1 2 3',
      before: '',
      or: '1',
      keyword: '1 2 3',
      unseen: '',
      larger: '',
    });
    expect(seen['utf8']).toBe('1 3');
  });

  test('changes flags, copies, expunges, and tells who idles', () => {
    expect(seen['store']).toEqual([expect.stringContaining('UID 1 FLAGS ($Kept)')]);
    expect(seen['seen']).toEqual([[expect.stringContaining('\\Seen')], '']);
    expect(seen['copyuid']).toEqual([expect.stringMatching(/^\d+ 1 1$/)]);
    expect(seen['try']).toEqual([expect.stringContaining('[TRYCREATE]')]);
    expect(seen['expunged']).toEqual(['1']);
    expect(seen['idle']).toEqual(['* 1 FETCH (UID 1 FLAGS ($Kept \\Deleted \\Seen) MODSEQ (n))', '* 1 EXPUNGE', '* 3 EXISTS']);
    expect(seen['changed']).toEqual(['* 3 FETCH (FLAGS () UID 4 MODSEQ (n))']);
    expect(seen['modified']).toContain('[MODIFIED 2]');
    expect(seen['bad']).toBe('f BAD No such command');
    expect(seen['bye']).toEqual(['* BYE Signing out', 'g OK Done']);
  });
});

describe('the message store used by imapflow', () => {
  let server: MessageStoreServer;
  beforeAll(async () => {
    server = await mailStore(null, { quota: 3_000_000 });
  });
  afterAll(() => server.close());

  test('R-PF-54 each sees his own mailboxes alone', async () => {
    const [alice, bob] = [await imapClient(server.address.port, ALICE), await imapClient(server.address.port, BOB)];
    await alice.mailboxCreate('private');
    await alice.append('private', Buffer.from(encodeStoredObject(storedMessage())));
    expect((await bob.list()).map(({ path }) => path)).toEqual(['INBOX']);
    await expect(bob.mailboxOpen('private')).rejects.toThrow();
    expect((await alice.list()).map(({ path }) => path)).toEqual(['INBOX', 'private']);
    await Promise.all([alice.logout(), bob.logout()]);
  });

  test('a file comes back by its part, in pieces; what would be too much is refused and loses nothing', async () => {
    const client = await imapClient(server.address.port, ALICE);
    const octets = Uint8Array.from({ length: 1_500_000 }, (_, at) => (at ^ (at >> 8)) & 255);
    await client.mailboxCreate(['Grüße & more', 'k1']);
    const path = 'Grüße & more/k1';
    const appended = await client.append(path, Buffer.from(encodeStoredObject(storedFile(octets))));
    expect(appended).toMatchObject({ uid: 1 });
    await expect(client.append(path, Buffer.from(encodeStoredObject(storedFile(octets))))).rejects.toMatchObject({
      serverResponseCode: 'OVERQUOTA',
    });
    await client.mailboxOpen(path);
    const message = await client.fetchOne('1', { uid: true, bodyStructure: true, envelope: true }, { uid: true });
    if (!message) throw new Error('no message');
    expect(message.envelope?.from?.[0]).toMatchObject({ name: 'Älice "A", <x>', address: 'alice@parley.example' });
    expect(message.bodyStructure).toMatchObject({
      type: 'multipart/related',
      childNodes: [{ type: 'application/x-cpm-file-transfer' }, { type: 'application/octet-stream', encoding: 'base64' }],
    });
    const { content } = await client.download('1', '2', { uid: true });
    const pieces: Buffer[] = [];
    if (!content) throw new Error('no part');
    for await (const piece of content) pieces.push(piece as Buffer);
    expect(Buffer.concat(pieces).equals(octets)).toBe(true);
    expect(await client.search({ header: { 'conversation-id': 'c1' } }, { uid: true })).toEqual([1]);
    await client.messageDelete('1', { uid: true });
    expect(client.mailbox !== false && client.mailbox.exists).toBe(0);
    await client.mailboxDelete(path);
    await client.append('INBOX', Buffer.from(encodeStoredObject(storedFile(octets))));
    await client.logout();
  });
});
