import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderOf } from '../../../electron/home-network/history/folders.ts';
import { Recorder } from '../../../electron/home-network/history/recorder.ts';
import type { MailClient } from '../../../electron/imap/port.ts';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { networkWorker } from '../../harness/mail-store.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { storedMessage } from '../../harness/stored-objects.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const root = temporaryFolder();

/** Mailboxes in memory, and what goes wrong with them. */
class FakeMail {
  readonly kept: { readonly folder: string; readonly text: string }[] = [];
  fails: 'sign-in' | 'after the append' | 'this object' | null = null;

  async connect(): Promise<MailClient> {
    if (this.fails === 'sign-in') throw new ParleyError('history.unreachable', 'down');
    return {
      ensure: async () => undefined,
      withHeader: async (folder: readonly string[], _: string, value: string) =>
        this.kept.flatMap((each, at) => (each.folder === folder.join('/') && each.text.includes(value) ? [at + 1] : [])),
      append: async (folder: readonly string[], octets: Uint8Array) => {
        const text = fromUtf8(octets);
        if (this.fails === 'this object' && text.includes('poison')) throw new ParleyError('history.failed', 'no');
        this.kept.push({ folder: folder.join('/'), text });
        if (this.fails === 'after the append') throw new ParleyError('history.unreachable', 'cut');
      },
      close: async () => undefined,
    } as unknown as MailClient;
  }
}

function recorder(name: string, mail: FakeMail, clock = new ManualClock()): Recorder {
  const databases = { worker: networkWorker, nativeBinding: null, folder: join(root, name) };
  return new Recorder({ domain: 'parley.example', databases, clock, connect: () => mail.connect(), log: () => undefined });
}

test('R-PF-46 what was taken on is written once the mail server is there, also by the next run', async () => {
  const mail = new FakeMail();
  mail.fails = 'sign-in';
  const first = recorder('later', mail);
  const reference = await first.keep('bob', storedMessage());
  await first.settled();
  expect(await first.fetch(reference)).toMatchObject({ kind: 'message', headers: { conversationId: 'c1' } });
  await first.close();
  mail.fails = null;
  const second = recorder('later', mail);
  await second.open();
  await second.settled();
  expect(mail.kept.map(({ folder }) => folder)).toEqual(['c1']);
  await second.close();
});

test('what was cut off behind the append is not there twice, nor what is kept again', async () => {
  const mail = new FakeMail();
  const clock = new ManualClock();
  mail.fails = 'after the append';
  const subject = recorder('once', mail, clock);
  await subject.keep('bob', storedMessage());
  await subject.settled();
  mail.fails = null;
  await clock.advance(10_000);
  await subject.settled();
  await subject.keep('bob', storedMessage());
  await subject.settled();
  expect(mail.kept).toHaveLength(1);
  await subject.close();
});

test('an object that the mail server does not take keeps none of the others', async () => {
  const mail = new FakeMail();
  mail.fails = 'this object';
  const subject = recorder('poison', mail);
  await subject.keep('bob', storedMessage({ text: 'poison', id: 'a' }));
  await subject.keep('bob', storedMessage({ text: 'good', id: 'b' }));
  await subject.settled();
  expect(mail.kept.map(({ text }) => text.includes('good'))).toEqual([true]);
  await subject.close();
});

test('R-PF-52 folders are named by the ids, whatever stands in them', () => {
  const service = 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session';
  const object = storedMessage({ conversationId: 'f81d4fae-7dec', contributionId: 'a/b.c%d@e' });
  expect(folderOf(object)).toEqual(['f81d4fae-7dec']);
  expect(folderOf({ ...object, headers: { ...object.headers, service } })).toEqual(['f81d4fae-7dec', 'a=2Fb=2Ec=25d=40e']);
  expect(folderOf(storedMessage({ conversationId: 'x'.repeat(5000) }))[0]?.length).toBe(150);
});
