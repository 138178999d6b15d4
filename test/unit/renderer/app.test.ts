import { beforeEach, describe, expect, it } from 'vitest';
import { App } from '../../../renderer/app/app.svelte.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { FakeCore } from '../../harness/fake-core.ts';
import { ManualClock, settle } from '../../harness/manual-clock.ts';
import { type CoreBridge, coreBridge, MapStorage } from './core-bridge.ts';

let core: FakeCore;
let bridge: CoreBridge;
let app: App;

beforeEach(async () => {
  core = new FakeCore();
  core.addConversation('sip:bob@example.com', 'Bob', { updatedAt: 2 });
  core.addConversation('sip:carol@example.com', 'Carol', { updatedAt: 1 });
  bridge = coreBridge(core);
  app = new App(bridge, new MapStorage(), new ManualClock());
  await app.start();
});

async function open(id: number): Promise<void> {
  const conversation = app.conversations.get(id);
  if (conversation !== undefined) await app.open(conversation);
}

describe('the app', () => {
  it('knows its account, its connection and its conversations', () => {
    expect(app.state?.account.displayName).toBe('Alice Archer');
    expect(app.connection.word).toBe('Connected');
    expect(app.conversations.all.map(({ title }) => title)).toEqual(['Bob', 'Carol']);
  });

  it('on a first start with one person on the network is ready to write to them', async () => {
    const fresh = new FakeCore({ neighbours: [{ address: 'sip:bob@example.com', displayName: 'Bob' }] });
    const first = new App(coreBridge(fresh), new MapStorage(), new ManualClock());
    await first.start();
    expect(first.thread?.conversation.peer).toBe('sip:bob@example.com');
    expect(first.composerAsked).toBe(1);
  });

  it('with several people, or with conversations, opens nothing that was not open', async () => {
    const two = [
      { address: 'sip:bob@example.com', displayName: 'Bob' },
      { address: 'sip:carol@example.com', displayName: 'Carol' },
    ];
    const among = new App(coreBridge(new FakeCore({ neighbours: two })), new MapStorage(), new ManualClock());
    await among.start();
    expect(among.thread).toBeNull();
    expect(app.thread).toBeNull();
  });

  it('comes back to the conversation that was open, unless it was left', async () => {
    const storage = new MapStorage();
    const before = new App(bridge, storage, new ManualClock());
    await before.start();
    await before.openAddress('sip:carol@example.com');
    const after = new App(bridge, storage, new ManualClock());
    await after.start();
    expect(after.thread?.conversation.peer).toBe('sip:carol@example.com');
    after.closeThread();
    const last = new App(bridge, storage, new ManualClock());
    await last.start();
    expect(last.thread).toBeNull();
  });

  it('says why it cannot start, and starts when asked again', async () => {
    core.before = () => {
      throw new ParleyError('store.corrupt', 'SQLITE_CORRUPT');
    };
    const other = new App(coreBridge(core), new MapStorage(), new ManualClock());
    await other.start();
    expect(other.startError?.code).toBe('store.corrupt');
    core.before = () => {};
    await other.start();
    expect(other.startError).toBeNull();
  });

  it('saves the draft when the conversation is switched, and has text and files again on return', async () => {
    await open(1);
    if (app.composer !== null) app.composer.text = 'half a';
    await app.composer?.addFiles([new File(['x'], 'a.txt')]);
    await open(2);
    expect(core.callsOf('conversations.saveDraft')).toMatchObject([{ conversationId: 1, text: 'half a' }]);
    await open(1);
    expect(app.composer?.text).toBe('half a');
    expect(app.composer?.attachments.map(({ name }) => name)).toEqual(['a.txt']);
  });

  it('sends into the conversation it was written in, also after it was opened anew', async () => {
    await open(1);
    await open(2);
    await open(1);
    if (app.composer !== null) app.composer.text = 'Hello';
    app.composer?.send();
    await settle();
    expect(core.callsOf('messages.sendText')).toMatchObject([{ conversationId: 1, text: 'Hello' }]);
    expect(app.thread?.rows).toHaveLength(1);
  });

  it('keeps what was refused where it was written, also when another conversation was opened meanwhile', async () => {
    await open(1);
    core.before = async (method) => {
      if (method !== 'messages.sendText') return;
      await settle();
      throw new ParleyError('store.full', 'SQLITE_FULL');
    };
    if (app.composer !== null) app.composer.text = 'Hello';
    app.composer?.send();
    await open(2);
    await settle();
    await settle();
    expect(app.thread?.rows).toEqual([]);
    await open(1);
    expect(app.thread?.rows).toMatchObject([{ pending: { text: 'Hello', error: { code: 'store.full' } } }]);
  });

  it('sends what the link broke off, drafts too, also of conversations that are not open', async () => {
    await open(1);
    core.before = (method) => {
      if (method === 'messages.sendText' || method === 'conversations.saveDraft') throw new ParleyError('contract.closed', 'gone');
    };
    if (app.composer !== null) app.composer.text = 'Hello';
    app.composer?.send();
    if (app.composer !== null) app.composer.text = 'half a';
    await open(2);
    await settle();
    core.before = () => {};
    bridge.setLink(false);
    bridge.setLink(true);
    await settle();
    expect(core.messages.get(1)?.map(({ text }) => text)).toEqual(['Hello']);
    expect(core.conversations.get(1)?.draft).toBe('half a');
  });

  it('knows when a day is over', async () => {
    const clock = new ManualClock(new Date(2026, 10, 20, 23, 59).getTime());
    const late = new App(bridge, new MapStorage(), clock);
    const before = late.today;
    await clock.advance(120_000);
    expect([before, late.today]).toEqual([new Date(2026, 10, 20).getTime(), new Date(2026, 10, 21).getTime()]);
  });

  it('leaves messages of other conversations unread', async () => {
    await open(1);
    app.setAttention(true, true);
    app.thread?.setAttention({ atBottom: true });
    core.receive(2, 'for later');
    await settle();
    expect(core.callsOf('conversations.markRead')).toEqual([]);
    expect(app.conversations.unread).toBe(1);
  });

  it('reads afresh what happened while it was away from its core', async () => {
    await open(1);
    bridge.setLink(false);
    expect(app.connection.word).toBe('Offline');
    core.addMessage(1, { text: 'meanwhile' });
    bridge.setLink(true);
    await settle();
    expect(app.connection.word).toBe('Connected');
    expect(app.thread?.window.messages.map(({ text }) => text)).toEqual(['meanwhile']);
    expect(app.thread?.conversation.last?.text).toBe('meanwhile');
  });

  it('opens a conversation by address, or says why not', async () => {
    expect(await app.openAddress('nonsense')).toMatchObject({ code: 'request.invalid' });
    expect(app.thread).toBeNull();
    app.dialog = 'create';
    expect(await app.openAddress('sip:dora@example.com')).toBeNull();
    expect([app.thread?.conversation.title, app.dialog]).toEqual(['dora@example.com', null]);
  });

  it('says what was refused', async () => {
    await open(1);
    const message = core.addFile(1, 'offered');
    core.before = (method) => {
      if (method === 'transfers.accept') throw new ParleyError('file.disk-full', 'ENOSPC');
    };
    await app.files.act('accept', message);
    expect(app.notice?.code).toBe('file.disk-full');
    await app.files.act('decline', message);
    expect(app.notice).toBeNull();
  });
});
