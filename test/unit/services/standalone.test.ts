import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Link, ServiceContext } from '../../../electron/services/context.ts';
import type { Attempt } from '../../../electron/services/outbox.ts';
import { type Destination, PAGER_LIMIT, sendText, type TextItem } from '../../../electron/services/standalone.ts';
import type { OutgoingRequest } from '../../../electron/sip/port.ts';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { listKey } from '../../../shared/model/audience.ts';
import { decodeResourceLists } from '../../../shared/protocol/lists/resource-lists.ts';
import { decodeMultipart } from '../../../shared/protocol/multipart/multipart.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { headerOf, sipExample } from '../../vectors/example.ts';
import { stage } from './stage.ts';

const root = temporaryFolder();
const LATER = Date.UTC(2027, 0, 1);
const CROWD = ['sip:bob@home2.example', 'sip:carol@home1.example', 'sip:dave@home2.example'];

/** Alice with a text for several people, and a network that answers as a test decides. */
function world(
  text = 'Minutes are on the share.',
  options: { anonymous?: boolean; replyTo?: string; at?: number; reference?: string } = {},
) {
  const { context: base, calls, clock, log } = stage(join(root, String(Math.random())));
  const context = { ...base, account: { ...base.account, address: 'sip:alice@home1.example' } } as ServiceContext;
  const sent: OutgoingRequest[] = [];
  const large: Destination[] = [];
  let status: (target: string) => number = () => 202;
  const link = {
    agent: {
      message: async (request: OutgoingRequest) => {
        sent.push(request);
        return { status: status(request.target), reason: 'Test', headers: [], contentType: null, body: new Uint8Array() };
      },
    },
  } as unknown as Link;
  const open = (peer: string, kind: 'list' | 'group' | 'person') =>
    calls.openConversation({
      ...{ peer, title: 'x', cpmConversationId: 'dee0c630-2efe-4199-acd7-77fd4daeda32', now: 1, kind },
      members: kind === 'list' ? CROWD.map((address) => ({ address, name: '' })) : [],
    });
  const compose = (conversationId: number): void => {
    calls.composeText({
      ...{ conversationId, text, imdnId: 'WLLqoHBMo90GHUac1pH8VzFP', contributionId: 'd4486657-e485-4b98-aeda-a8e81d4840b3' },
      ...{ now: options.at ?? Date.UTC(2026, 2, 2, 9, 20), replyTo: options.replyTo ?? null },
      reference: options.reference,
      anonymous: options.anonymous ? { cpmConversationId: '5dec52ac-2858-4a3f-ad38-84350a103cfb' } : undefined,
    });
  };
  return {
    ...{ calls, clock, log, sent, large, context, open, compose },
    item: () => compose(open(listKey(CROWD), 'list').id),
    answers: (given: typeof status) => (status = given),
    /** takes up what waits, and books what became of it */
    async run(): Promise<Attempt> {
      const [item] = calls.outboxTake({ now: LATER, limit: 1, notifications: 0 }).items as TextItem[];
      if (item === undefined) throw new Error('nothing waits');
      const attempt = await sendText(context, item, link, async (_, __, destination) => {
        large.push(destination);
        return { kind: 'accepted' };
      });
      const error = attempt.kind === 'accepted' ? undefined : attempt.error;
      const kept = attempt.kind === 'accepted' ? attempt.kept : undefined;
      calls.outboxUpdate({ outboxId: item.id, event: attempt.kind, now: LATER, notBefore: LATER, error, kept });
      return attempt;
    },
    states: () => calls.messageInfo(1).recipients.map(({ status: each }) => each),
    targets: () => sent.map(({ target }) => target),
  };
}

const value = ({ headers }: OutgoingRequest, name: string) => headers.find((each) => each.name === name)?.value;

describe('a text to one', () => {
  test.each([
    [202, { kept: true }],
    [200, { kept: false }],
  ])('answered %i', async (status, kept) => {
    const scene = world();
    scene.answers(() => status);
    scene.compose(scene.open(CROWD[0] as string, 'person').id);
    expect(await scene.run()).toMatchObject({ kind: 'accepted' });
    expect(scene.calls.messageInfo(1)).toMatchObject({ leftAt: LATER, takenAt: LATER, ...kept });
  });
});

describe('a text to several', () => {
  test('R-PM-09 R-PM-10: is F03-01: the list server’s, with the same fields and the same message', async () => {
    const scene = world();
    scene.item();
    expect(await scene.run()).toEqual({ kind: 'accepted' });
    const [request] = scene.sent as [OutgoingRequest];
    const example = sipExample('F03-01.sip');
    expect(request.target).toBe('sip:pager-exploder@home1.example');
    for (const name of ['Accept-Contact', 'P-Preferred-Service', 'P-Preferred-Identity', 'Conversation-ID', 'Contribution-ID', 'Require']) {
      expect(value(request, name), name).toBe(headerOf(example, name));
    }
    const [message, list] = decodeMultipart(request.body, request.contentType).parts;
    const [theirs, theirList] = decodeMultipart(example.body, headerOf(example, 'Content-Type')).parts;
    expect(fromUtf8(message?.body ?? new Uint8Array())).toBe(fromUtf8(theirs?.body ?? new Uint8Array()));
    expect(message?.headers).toEqual(theirs?.headers);
    expect(list?.headers).toEqual(theirList?.headers);
    expect(decodeResourceLists(list?.body ?? new Uint8Array()).entries.map(({ uri }) => uri)).toEqual(CROWD);
    expect(scene.states()).toEqual(['sent', 'sent', 'sent']);
    // 202 of a list server is no promise of its network
    expect(scene.calls.messageInfo(1).kept).toBe(false);
  });

  test('goes to the server that was provisioned', async () => {
    const scene = world();
    Object.assign(scene.context.account, { listServer: 'sip:lists@other.example' });
    scene.item();
    await scene.run();
    expect(scene.targets()).toEqual(['sip:lists@other.example']);
  });

  test('that is too large with its list leaves in large message mode', async () => {
    const scene = world('x'.repeat(PAGER_LIMIT - 600));
    scene.item();
    await scene.run();
    expect(scene.sent).toEqual([]);
    expect(scene.large).toEqual([{ target: 'sip:pager-exploder@home1.example', recipients: CROWD }]);
  });

  test.each([420, 404, 410])('goes one by one where the answer is %i, with the same id for all', async (status) => {
    const scene = world();
    scene.answers((target) => (target.startsWith('sip:pager') ? status : 202));
    scene.item();
    expect(await scene.run()).toEqual({ kind: 'accepted' });
    expect(scene.targets()).toEqual(['sip:pager-exploder@home1.example', ...CROWD]);
    for (const request of scene.sent.slice(1)) {
      expect(request.contentType).toBe('message/cpim');
      expect(fromUtf8(request.body)).toContain('imdn.Message-ID: WLLqoHBMo90GHUac1pH8VzFP');
      expect(value(request, 'Require')).toBeUndefined();
    }
    expect(scene.states()).toEqual(['sent', 'sent', 'sent']);
  });

  test('one by one, is tried again for those only who did not get it', async () => {
    const scene = world();
    const answer: Record<string, number> = { 'sip:bob@home2.example': 200, 'sip:carol@home1.example': 480, 'sip:dave@home2.example': 404 };
    scene.answers((target) => answer[target] ?? 420);
    scene.item();
    expect(await scene.run()).toMatchObject({ kind: 'postponed', error: { code: 'peer.unavailable' } });
    expect(scene.states()).toEqual(['sent', 'queued', 'failed']);
    answer['sip:carol@home1.example'] = 200;
    expect(await scene.run()).toEqual({ kind: 'accepted' });
    expect(scene.targets().slice(4)).toEqual(['sip:carol@home1.example']);
    expect(scene.states()).toEqual(['sent', 'sent', 'failed']);
    expect(scene.calls.message(1)).toMatchObject({ status: 'sent', reach: { total: 3, failed: 1 } });
  });

  test('that nobody can be sent has failed', async () => {
    const scene = world();
    scene.answers((target) => (target.startsWith('sip:pager') ? 420 : 404));
    scene.item();
    expect(await scene.run()).toMatchObject({ kind: 'failed', error: { code: 'peer.unknown' } });
    expect(scene.calls.message(1).status).toBe('failed');
  });

  test('that the server refuses for another reason is not tried one by one', async () => {
    const scene = world();
    scene.answers(() => 403);
    scene.item();
    expect(await scene.run()).toMatchObject({ kind: 'failed', error: { code: 'peer.not-allowed' } });
    expect(scene.sent).toHaveLength(1);
    expect(scene.states()).toEqual(['failed', 'failed', 'failed']);
  });
});

describe('a text to a group, without the name', () => {
  test('R-PM-04 R-PM-06 R-PM-12: is F03-03 but for its id, by which a repetition is known', async () => {
    const scene = world('Route list for Saturday follows.', {
      ...{ anonymous: true, replyTo: 'sip:alice-helpdesk@home1.example', at: Date.UTC(2026, 2, 2, 9, 21) },
    });
    scene.compose(scene.open('sip:climbing-club@groups.home1.example', 'group').id);
    await scene.run();
    const [request] = scene.sent as [OutgoingRequest];
    const example = sipExample('F03-03.sip');
    expect(example.startLine).toContain(request.target);
    for (const name of ['Accept-Contact', 'P-Preferred-Identity', 'Privacy', 'Reply-To', 'Conversation-ID']) {
      expect(value(request, name), name).toBe(headerOf(example, name));
    }
    expect(request.contentType).toBe('message/cpim');
    const body = fromUtf8(request.body);
    expect(body.replace(/NS: imdn.*\r\nimdn\.Message-ID:.*\r\n/, '')).toBe(fromUtf8(example.body));
    expect(body).not.toContain('Disposition-Notification');
    expect(body).not.toContain('alice');
  });

  test('that is refused for that is told apart', async () => {
    const scene = world('psst', { anonymous: true });
    scene.answers(() => 433);
    scene.compose(scene.open(CROWD[0] ?? '', 'person').id);
    expect(await scene.run()).toMatchObject({ kind: 'failed', error: { code: 'peer.anonymity' } });
  });
});

describe('what refers to a stored object', () => {
  const reference = `imap://alice@mail.example:143/${'c'.repeat(400)};UIDVALIDITY=7/;UID=12`;

  test('R-PF-20 leaves as a MESSAGE with the URL alone, however long its text is', async () => {
    const { calls, compose, large, open, run, sent } = world('x'.repeat(5_000), { reference });
    compose(open('sip:bob@home2.example', 'person').id);
    expect(await run()).toMatchObject({ kind: 'accepted' });
    const body = fromUtf8(sent[0]?.body ?? new Uint8Array());
    expect(body).toContain(`Content-Type: message/external-body;access-type=URL;URL="${reference}"`);
    expect(body).not.toContain('xxx');
    expect([sent.length, large.length, calls.outboxReady(LATER, 5)]).toEqual([1, 0, []]);
  });

  test('R-PF-21 goes to each of a list by itself, and is not tried in another mode', async () => {
    const { answers, item, large, run, sent } = world('x', { reference });
    item();
    answers((target) => (target === CROWD[0] ? 405 : 202));
    expect(await run()).toEqual({ kind: 'accepted' });
    expect([sent.map(({ target }) => target), large]).toEqual([CROWD, []]);
  });
});
