import { describe, expect, it } from 'vitest';
import { type CodedError, ParleyError } from '../../../shared/base/errors.ts';
import { contract, type EventName, type Handlers } from '../../../shared/ipc/contract.ts';
import { connectContract, MAX_OPEN_CALLS, type Subscribe, serveContract } from '../../../shared/ipc/wire.ts';
import { fakeHosted } from '../../harness/fake-hosted.ts';
import { memoryChannels } from '../../harness/memory-channel.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const { client, handlers: hosted } = fakeHosted(temporaryFolder(), 'alice');

function join(over: Partial<Handlers> = {}, limits = { maxCall: 1024 * 1024, maxAnswer: 1024 * 1024 }) {
  const ends = memoryChannels();
  const coreProblems: CodedError[] = [];
  const pageProblems: CodedError[] = [];
  let listener: Parameters<Subscribe>[0] | null = null;
  const handlers: Handlers = { ...hosted, ...over };
  const subscribe: Subscribe = (told) => {
    listener = told;
    return () => {
      listener = null;
    };
  };
  const end = serveContract(ends.core, handlers, subscribe, { limits, onProblem: (problem) => coreProblems.push(problem) });
  const page = connectContract(ends.page, { limits, onProblem: (problem) => pageProblems.push(problem) });
  const tell = (event: string, payload: unknown) => listener?.(event as EventName, payload as never);
  return { ...ends, end, page, tell, coreProblems, pageProblems, isSubscribed: () => listener !== null };
}

describe('the contract over a channel', () => {
  it('carries a call and its answer', async () => {
    const { page } = join();
    expect((await page.call('app.state', {})).account.address).toBe('sip:alice@parley.example');
  });

  it('answers many calls, each with its own answer, in whatever order they are ready', async () => {
    const { page } = join({
      'conversations.saveDraft': async () => ({}),
      'messages.retry': async ({ messageId }) => {
        await new Promise((resolve) => setImmediate(resolve));
        throw new ParleyError('request.not-found', `message ${messageId}`);
      },
    });
    const slow = page.call('messages.retry', { messageId: 7 });
    await expect(page.call('conversations.saveDraft', { conversationId: 1, text: 'x' })).resolves.toEqual({});
    await expect(slow).rejects.toMatchObject({ code: 'request.not-found', detail: 'message 7' });
  });

  it('gives a coded error for what a handler throws, even before it returns a promise', async () => {
    const { page } = join({
      'registration.retryNow': () => {
        throw new TypeError('broken inside');
      },
    });
    await expect(page.call('registration.retryNow', {})).rejects.toMatchObject({ code: 'internal', detail: 'broken inside' });
  });

  it('refuses parameters that do not fit on the page, before they leave', async () => {
    const { page, core } = join();
    const seen: string[] = [];
    core.onText((text) => seen.push(text));
    const call = page.call('conversations.page', { limit: 100_000 });
    await expect(call).rejects.toMatchObject({ code: 'contract.malformed', detail: expect.stringMatching(/^conversations.page: limit/) });
    expect(seen).toEqual([]);
  });

  it('drops what an answer holds beyond the contract, and refuses one that lacks something', async () => {
    const { page } = join({
      'files.choose': async () =>
        ({ items: [{ name: 'n', error: null, candidate: { token: 't', name: 'n', size: 1, type: 'a/b', path: '/secret' } }] }) as never,
      'conversations.open': async () => ({ id: 1 }) as never,
    });
    expect((await page.call('files.choose', {})).items[0]?.candidate).not.toHaveProperty('path');
    await expect(page.call('conversations.open', { address: 'sip:b@c.example' })).rejects.toMatchObject({ code: 'internal' });
  });

  it('tells events to every listener until it is removed, past one that throws', async () => {
    const { page, tell, pageProblems } = join();
    const seen: unknown[] = [];
    page.on('registration.changed', () => {
      throw new Error('a broken listener');
    });
    const off = page.on('registration.changed', (payload) => seen.push(payload));
    tell('registration.changed', { kind: 'offline' });
    await Promise.resolve();
    off();
    tell('registration.changed', { kind: 'offline' });
    await Promise.resolve();
    expect(seen).toEqual([{ kind: 'offline' }]);
    expect(pageProblems).toHaveLength(2);
  });

  it('keeps an event that does not fit from leaving', async () => {
    const { page, tell, coreProblems, pageProblems } = join();
    const seen: unknown[] = [];
    page.on('registration.changed', (payload) => seen.push(payload));
    tell('registration.changed', { kind: 'moon' });
    await Promise.resolve();
    expect(seen).toEqual([]);
    expect(coreProblems[0]).toMatchObject({ code: 'internal' });
    expect(pageProblems).toEqual([]);
  });

  it('rejects open and later calls when the channel ends, and ends its subscription', async () => {
    const { page, close, isSubscribed } = join({ 'registration.retryNow': () => new Promise(() => {}) });
    const open = page.call('registration.retryNow', {});
    expect(isSubscribed()).toBe(true);
    close();
    await expect(open).rejects.toMatchObject({ code: 'contract.closed' });
    await expect(page.call('app.state', {})).rejects.toMatchObject({ code: 'contract.closed' });
    expect(isSubscribed()).toBe(false);
  });

  it('says nothing more after its end was asked for', async () => {
    let answer = (_: Record<string, never>) => {};
    const { page, end, core } = join({ 'registration.retryNow': () => new Promise((resolve) => (answer = resolve)) });
    const sent: string[] = [];
    const send = core.send.bind(core);
    core.send = (text) => {
      sent.push(text);
      send(text);
    };
    page.call('registration.retryNow', {}).catch(() => {});
    await Promise.resolve();
    end();
    answer({});
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toEqual([]);
  });

  it('refuses more open calls than it can hold, and takes new ones when some are done', async () => {
    const waiting: (() => void)[] = [];
    const { page } = join({ 'registration.retryNow': () => new Promise((resolve) => waiting.push(() => resolve({}))) });
    const calls = Array.from({ length: MAX_OPEN_CALLS }, () => page.call('registration.retryNow', {}));
    await expect(page.call('app.state', {})).rejects.toMatchObject({ code: 'request.invalid-state' });
    for (const done of waiting) done();
    await Promise.all(calls);
    await expect(page.call('app.state', {})).resolves.toBeDefined();
  });

  it('refuses an answer that is too large with a coded error', async () => {
    const { page } = join(
      { 'conversations.open': async () => ({ ...(await conversation()), title: 'x'.repeat(2000) }) },
      { maxCall: 1000, maxAnswer: 1000 },
    );
    await expect(page.call('conversations.open', { address: 'sip:b@c.example' })).rejects.toMatchObject({ code: 'internal' });
    await expect(
      page.call('messages.sendText', { conversationId: 1, clientId: 'x'.repeat(20), text: 'y'.repeat(1000) }),
    ).rejects.toMatchObject({
      code: 'contract.malformed',
    });
  });
});

const conversation = () => client.handlers['conversations.open']({ address: 'sip:b@c.example' });

describe('what is against the contract', () => {
  it.each([
    ['not JSON', '{', { id: null }],
    ['an array', '[]', { id: null }],
    ['no id', '{"method":"app.state","params":{}}', { id: null }],
    ['an id that is a number', '{"id":1,"method":"app.state","params":{}}', { id: null }],
    ['no method', '{"id":"a","params":{}}', { id: 'a' }],
    ['a field too many', '{"id":"a","method":"app.state","params":{},"x":1}', { id: 'a' }],
    ['an unknown method', '{"id":"a","method":"app.quit","params":{}}', { id: 'a' }],
    ['a method every object has', '{"id":"a","method":"constructor","params":{}}', { id: 'a' }],
    ['__proto__', '{"id":"a","method":"__proto__","params":{}}', { id: 'a' }],
    ['no params', '{"id":"a","method":"app.state"}', { id: 'a' }],
    ['a parameter too many', '{"id":"a","method":"app.state","params":{"path":"/"}}', { id: 'a' }],
    ['a wrong parameter', '{"id":"a","method":"messages.retry","params":{"messageId":"1"}}', { id: 'a' }],
  ])('is answered with contract.malformed: %s', async (_name, text, expected) => {
    const ends = memoryChannels();
    serveContract(ends.core, hosted, () => () => {});
    const answer = new Promise<string>((resolve) => ends.page.onText(resolve));
    ends.page.send(text);
    expect(JSON.parse(await answer)).toEqual({ ...expected, error: { code: 'contract.malformed', detail: expect.any(String) } });
  });

  it('never repeats what was sent in the detail of the refusal', async () => {
    const { page } = join();
    const call = page.call('conversations.open', { address: 'secret'.repeat(100) });
    await expect(call).rejects.toSatisfy((error: ParleyError) => !error.detail.includes('secret'));
  });

  it('is dropped by the page: answers to no call, unknown events, texts too large', async () => {
    const ends = memoryChannels();
    const problems: CodedError[] = [];
    const page = connectContract(ends.page, { limits: { maxCall: 100, maxAnswer: 100 }, onProblem: (problem) => problems.push(problem) });
    for (const text of [
      '{"id":"x","result":{}}',
      '{"event":"toString","payload":1}',
      '{"event":"message.changed","payload":{}}',
      'x'.repeat(101),
    ]) {
      ends.core.send(text);
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(problems.map(({ code }) => code)).toEqual(Array(4).fill('contract.malformed'));
    expect(page).toBeDefined();
  });

  it('an answer that does not fit rejects its own call only', async () => {
    const ends = memoryChannels();
    const page = connectContract(ends.page);
    const ids: string[] = [];
    ends.core.onText((text) => ids.push(JSON.parse(text).id));
    const [first, second] = [page.call('registration.retryNow', {}), page.call('app.state', {})];
    await Promise.resolve();
    ends.core.send(JSON.stringify({ id: ids[1], result: { account: 'x' } }));
    ends.core.send(JSON.stringify({ id: ids[0], result: {} }));
    await expect(second).rejects.toMatchObject({ code: 'contract.malformed' });
    await expect(first).resolves.toEqual({});
  });

  it('an id is never used again by a page that was loaded anew', async () => {
    const ids = await Promise.all(
      [1, 2].map(async () => {
        const ends = memoryChannels();
        const sent = new Promise<string>((resolve) => ends.core.onText(resolve));
        connectContract(ends.page)
          .call('app.state', {})
          .catch(() => {});
        return JSON.parse(await sent).id as string;
      }),
    );
    expect(ids[0]).not.toBe(ids[1]);
  });
});

it('every method of the contract has a schema for both ways', () => {
  for (const [name, { params, result }] of Object.entries(contract.methods)) {
    expect([name, params.type, typeof result.type]).toEqual([name, 'strict_object', 'string']);
  }
});
