import { expect, it } from 'vitest';
import { type Channel, connectContract } from '../../shared/ipc/wire.ts';

export interface Carrier {
  readonly channel: Channel;
  /** ends the channel from the core's side; absent where a core outlives every page */
  readonly end?: () => void;
}

/**
 * What every carrier of the contract must do; the core behind it is the fake one, for `sip:alice@parley.example`, or a real one.
 * @param open a channel to a page's core, a new one each time
 */
export function describesCarrier(open: () => Promise<Carrier>): void {
  it('carries calls and their answers', async () => {
    const client = connectContract((await open()).channel);
    const state = await client.call('app.state', {});
    expect(state.account.address).toBe('sip:alice@parley.example');
  });

  it('tells what changed to the page that asked for it', async () => {
    const client = connectContract((await open()).channel);
    const conversation = await client.call('conversations.open', { address: 'sip:carol@parley.example' });
    const clientId = `carrier${Math.random().toString(36).slice(2).padEnd(12, '0')}`;
    const told = new Promise((resolve) => client.on('message.changed', (message) => message.imdnId === clientId && resolve(message)));
    const sent = await client.call('messages.sendText', { conversationId: conversation.id, clientId, text: 'héllo € 👩‍👩‍👧 \u0000\ud800' });
    expect(await told).toMatchObject({ id: sent.id, imdnId: clientId });
  });

  it('keeps a long text whole, in order with the others', async () => {
    const client = connectContract((await open()).channel);
    const { id } = await client.call('conversations.open', { address: 'sip:carol@parley.example' });
    const text = '\u0001€'.repeat(50_000);
    const drafts = ['a', text, 'b', text];
    await Promise.all(drafts.map((draft) => client.call('conversations.saveDraft', { conversationId: id, text: draft })));
    const { items } = await client.call('conversations.page', { limit: 200 });
    expect(items.find((item) => item.id === id)?.draft).toBe(text);
  });

  it('refuses with coded errors and goes on', async () => {
    const { channel } = await open();
    const client = connectContract(channel);
    await expect(client.call('conversations.open', { address: 'nobody' })).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(client.call('files.send', { conversationId: 1, clientId: 'x'.repeat(20), token: '../../x' })).rejects.toMatchObject({
      code: 'request.not-found',
    });
    for (const text of ['', '{', 'null', '{"id":"a"}', `{"id":"b","method":"${'x'.repeat(100)}","params":{}}`]) channel.send(text);
    await expect(client.call('app.state', {})).resolves.toBeDefined();
  });

  it('serves two pages at once without mixing their answers', async () => {
    const [one, two] = [connectContract((await open()).channel), connectContract((await open()).channel)];
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        (index % 2 === 0 ? one : two).call('conversations.open', { address: `sip:p${index % 4}@parley.example` }),
      ),
    );
    expect(answers.map(({ peer }) => peer)).toEqual(answers.map((_, index) => `sip:p${index % 4}@parley.example`));
  });

  it('rejects what is open when it ends', async () => {
    const { channel, end } = await open();
    if (end === undefined) return;
    const client = connectContract(channel);
    await client.call('app.state', {});
    const closed = new Promise<void>((resolve) => channel.onClose(resolve));
    end();
    await closed;
    await expect(client.call('app.state', {})).rejects.toMatchObject({ code: 'contract.closed' });
  });
}
