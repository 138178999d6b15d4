import { beforeEach, describe, expect, it } from 'vitest';
import { Composer, DRAFT_PAUSE } from '../../../renderer/features/composer/composer.svelte.ts';
import { MAX_TEXT } from '../../../shared/ipc/contract.ts';
import { FakeCore } from '../../harness/fake-core.ts';
import { ManualClock, settle } from '../../harness/manual-clock.ts';
import { answers, coreBridge } from './core-bridge.ts';

let core: FakeCore;
let clock: ManualClock;
let sent: string[];

beforeEach(() => {
  core = new FakeCore();
  core.addConversation('sip:bob@example.com', 'Bob');
  clock = new ManualClock();
  sent = [];
});

function composer(draft = '', maxFileSize = 0, quoteId: number | null = null, fileCount = 0): Composer {
  return new Composer(
    1,
    { text: draft, quoteId, fileCount },
    {
      bridge: coreBridge(core),
      clock,
      maxFileSize: () => maxFileSize,
      sendText: (text, quote) => sent.push(quote === null ? text : `${text} to ${quote.text}`),
      sendFile: ({ name }) => sent.push(`file ${name}`),
      thumbnails: { of: async ({ name, type }) => (type.startsWith('image/') ? `data:of ${name}` : null) },
    },
  );
}

const saved = (): unknown[] => core.callsOf('conversations.saveDraft').map((params) => (params as { text: string }).text);

describe('a draft', () => {
  it('is saved when the person pauses, once', async () => {
    const one = composer();
    one.text = 'H';
    await clock.advance(DRAFT_PAUSE - 1);
    one.text = 'Hello';
    await clock.advance(DRAFT_PAUSE - 1);
    expect(saved()).toEqual([]);
    await clock.advance(1);
    await clock.advance(10_000);
    expect(saved()).toEqual(['Hello']);
  });

  it('is saved at once when the person leaves, and not again', async () => {
    const one = composer('kept');
    one.saveDraft();
    expect(saved()).toEqual([]);
    one.text = 'Hello';
    one.saveDraft();
    await clock.advance(10_000);
    expect(saved()).toEqual(['Hello']);
  });

  it('is empty after the text was sent', () => {
    const one = composer('Hello');
    one.send();
    expect(one.text).toBe('');
    expect(saved()).toEqual(['']);
  });
});

describe('sending', () => {
  it('takes no blank text and none that is too long', () => {
    const one = composer(' \n ');
    one.send();
    one.text = 'x'.repeat(MAX_TEXT + 1);
    expect(one.tooLong).toBe(true);
    one.send();
    expect(sent).toEqual([]);
  });

  it('keeps white space at the start and within, not at the end', () => {
    const one = composer('  a\n  b \n\n');
    one.send();
    expect(sent).toEqual(['  a\n  b']);
  });

  it('sends files before the text, and shows the thumbnail of each once it is made', async () => {
    const one = composer('Here it is');
    await one.addFiles([new File(['12345'], 'a.png', { type: 'image/png' }), new File(['1'], 'b.txt', { type: 'text/plain' })]);
    await answers();
    expect(one.attachments.map(({ name, preview }) => [name, preview])).toEqual([
      ['a.png', 'data:of a.png'],
      ['b.txt', null],
    ]);
    one.send();
    expect(sent).toEqual(['file a.png', 'file b.txt', 'Here it is']);
    expect(one.attachments).toEqual([]);
  });

  it('does not send what is larger than the account allows', async () => {
    const one = composer('', 4);
    await one.addFiles([new File(['12345'], 'a.bin')]);
    expect(one.attachments).toMatchObject([{ tooLarge: true }]);
    expect(one.canSend).toBe(false);
    one.remove(one.attachments[0]?.key ?? 0);
    expect(one.attachments).toEqual([]);
  });

  it('says so when more files are added than may wait at once, and keeps what had to stay behind when the others are sent', async () => {
    const one = composer('', 4);
    await one.addFiles(Array.from({ length: 49 }, (_, at) => new File(['1'], `${at}.txt`)));
    expect(one.tooMany).toBe(false);
    await one.addFiles([new File(['12345'], 'large.txt'), new File(['1'], 'over.txt')]);
    expect(one.attachments).toHaveLength(50);
    expect(one.tooMany).toBe(true);
    one.send();
    expect(one.attachments.map(({ name }) => name)).toEqual(['large.txt']);
    expect(one.tooMany).toBe(false);
  });

  it('waits for files that are being read', async () => {
    let go = (): void => {};
    core.before = () => new Promise((resolve) => (go = resolve));
    const one = composer('Hello');
    const chosen = one.choose();
    expect(one.canSend).toBe(false);
    await answers();
    go();
    await chosen;
    expect(one.canSend).toBe(true);
  });
});

describe('files of a draft', () => {
  const kept = (): unknown => (core.callsOf('conversations.saveDraft').at(-1) as { files: string[] } | undefined)?.files;

  it('are kept as they are picked and taken away, and come back, those that are gone with the reason', async () => {
    const one = composer();
    await one.addFiles([new File(['x'], 'a.png'), new File(['y'], 'b.png')]);
    const tokens = one.attachments.map(({ candidate }) => candidate?.token);
    expect(kept()).toEqual(tokens);
    const [, b] = one.attachments;
    if (b?.candidate) core.files.set(b.candidate.token, b.candidate);

    const again = composer('', 0, null, 2);
    again.saveDraft();
    await settle();
    expect(again.attachments.map(({ name, error }) => [name, error?.code])).toEqual([
      [tokens[0], 'file.missing'],
      ['b.png', undefined],
    ]);
    expect(core.callsOf('conversations.saveDraft')).toHaveLength(1);
    again.send();
    expect(sent).toContain('file b.png');
    expect(kept()).toEqual([]);
  });
});

describe('an answer', () => {
  it('is kept with the draft, comes back with it, and leaves with the text, once', async () => {
    const asked = core.addMessage(1, { text: 'Lunch?' });
    const one = composer();
    one.answer(asked);
    expect(core.callsOf('conversations.saveDraft')).toMatchObject([{ conversationId: 1, text: '', quotes: asked.id }]);

    const again = composer('Yes', 0, asked.id);
    again.saveDraft();
    await settle();
    expect(again.quote?.text).toBe('Lunch?');
    expect(core.callsOf('conversations.saveDraft')).toHaveLength(1);
    again.send();
    expect(sent).toEqual(['Yes to Lunch?']);
    expect(again.quote).toBeNull();
    again.text = 'And you?';
    again.send();
    expect(sent).toEqual(['Yes to Lunch?', 'And you?']);
  });

  it('whose message was deleted meanwhile is written without it', async () => {
    const one = composer('Yes', 0, 77);
    await settle();
    expect(one.quote).toBeNull();
    one.send();
    expect(sent).toEqual(['Yes']);
  });

  it('stays when a file leaves alone', async () => {
    const one = composer();
    one.answer(core.addMessage(1, { text: 'Photo?' }));
    await one.addFiles([new File(['x'], 'a.png')]);
    one.send();
    expect(one.quote?.text).toBe('Photo?');
  });
});
