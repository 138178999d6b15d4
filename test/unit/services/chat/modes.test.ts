import { beforeEach, describe, expect, test } from 'vitest';
import { Capabilities } from '../../../../electron/services/chat/capabilities.ts';
import { type ModeQuestion, modeFor } from '../../../../electron/services/chat/mode.ts';
import { Peers } from '../../../../electron/services/chat/peers.ts';
import { TextModes } from '../../../../electron/services/chat/text-modes.ts';
import type { Link } from '../../../../electron/services/context.ts';
import type { Attempt } from '../../../../electron/services/outbox.ts';
import type { CapabilityQuestion, FinalAnswer } from '../../../../electron/sip/port.ts';
import type { OutboxItem } from '../../../../electron/store/port.ts';
import { ParleyError } from '../../../../shared/base/errors.ts';
import { DEFAULT_SETTINGS, MESSAGE_MODES } from '../../../../shared/model/settings.ts';
import { nextChatSessionState } from '../../../../shared/model/states/chat-session-state.ts';
import { temporaryFolder } from '../../../harness/temporary-folder.ts';
import { headerOf, sipExample } from '../../../vectors/example.ts';
import { BOB, chatStage, ok, refusal, TARGET } from './stage.ts';

const root = temporaryFolder();
let scene: ReturnType<typeof chatStage>;
beforeEach(() => {
  scene = chatStage(root);
});

describe('the mode of a text', () => {
  const all: ModeQuestion[] = MESSAGE_MODES.flatMap((preferred) =>
    Array.from({ length: 16 }, (_, bits) => ({
      preferred,
      isOpen: (bits & 1) > 0,
      isBarred: (bits & 2) > 0,
      isShown: (bits & 4) > 0,
      isAble: (bits & 8) > 0,
    })),
  );
  const sessions = (fits: (question: ModeQuestion) => boolean) => new Set(all.filter(fits).map(modeFor));

  test('who wants none gets none; one that is open is used; none is tried where it came to nothing lately', () => {
    expect(sessions(({ preferred }) => preferred === 'standalone')).toEqual(new Set(['standalone']));
    expect(sessions(({ preferred, isOpen }) => preferred !== 'standalone' && isOpen)).toEqual(new Set(['session']));
    expect(sessions(({ isOpen, isBarred }) => !isOpen && isBarred)).toEqual(new Set(['standalone']));
  });

  test('by itself it is a session when the thread is open and the peer able; whoever asks for sessions needs neither', () => {
    const fresh = all.filter(({ isOpen, isBarred }) => !isOpen && !isBarred);
    expect(fresh.filter((question) => modeFor(question) === 'session')).toEqual(
      fresh.filter(({ preferred, isShown, isAble }) => preferred === 'session' || (preferred === 'automatic' && isShown && isAble)),
    );
  });
});

describe('the state of a session', () => {
  test('goes one way, and keeps why it ended', () => {
    const answered = nextChatSessionState({ kind: 'inviting' }, { kind: 'answered' });
    const open = nextChatSessionState(answered, { kind: 'connected' });
    const over = nextChatSessionState(open, { kind: 'end', why: 'hung-up' });
    expect([answered.kind, open.kind, over]).toEqual(['connecting', 'open', { kind: 'over', why: 'hung-up' }]);
    for (const event of [{ kind: 'answered' }, { kind: 'connected' }, { kind: 'end', why: 'lost' }] as const) {
      expect(nextChatSessionState(over, event)).toBe(over);
    }
  });

  test('an event that cannot happen throws', () => {
    expect(() => nextChatSessionState({ kind: 'inviting' }, { kind: 'connected' })).toThrow(TypeError);
    expect(() => nextChatSessionState({ kind: 'open' }, { kind: 'answered' })).toThrow(TypeError);
    expect(() => nextChatSessionState({ kind: 'open' }, { kind: 'connected' })).toThrow(TypeError);
  });
});

describe('texts and notifications', () => {
  const item = {
    kind: 'text',
    attempts: 0,
    peer: BOB,
    audience: 'person',
    target: BOB,
    recipients: [],
    message: { anonymous: false, replyTo: null, id: 7, text: 'hello', imdnId: 'Ie5UzJY9b5QGx3jo24LcKt8X', sentAt: 0 },
    cpmConversationId: TARGET.cpmConversationId,
    contributionId: 'c',
    answers: null,
    reference: null,
  } as unknown as Extract<OutboxItem, { kind: 'text' }>;
  const notification: Extract<OutboxItem, { kind: 'notification' }> = {
    kind: 'notification',
    id: 1,
    attempts: 0,
    report: null,
    route: [],
    originalTo: null,
    peer: BOB,
    audience: 'person',
    conversationId: 1,
    disposition: 'delivered',
    about: 'a',
    aboutDateTime: '2026-03-02T10:05:02.007Z',
    originInstance: null,
    service: 'msg',
    cpmConversationId: TARGET.cpmConversationId,
    contributionId: 'c',
    imdnId: 'n',
    createdAt: 0,
  };
  let shown: boolean;
  let standalone: number;
  let modes: TextModes;
  beforeEach(() => {
    shown = false;
    standalone = 0;
    modes = new TextModes(scene.context, { chat: scene.service, peers: scene.peers, isShown: () => shown, arrived: () => undefined });
  });
  const alone = async (): Promise<Attempt> => {
    standalone += 1;
    return { kind: 'accepted' };
  };
  const prefer = (preferredMode: (typeof MESSAGE_MODES)[number]) => {
    (scene.context.settings as { current: typeof DEFAULT_SETTINGS }).current = { ...DEFAULT_SETTINGS, preferredMode };
  };

  test('a text that found no session leaves alone, and so do the next ones for a while', async () => {
    prefer('session');
    scene.answers(refusal(480));
    await modes.sendText(item, scene.link, alone);
    await modes.sendText(item, scene.link, alone);
    expect([standalone, scene.invites.length]).toEqual([2, 1]);
    await scene.clock.advance(300_000);
    scene.answers(ok());
    await modes.sendText(item, scene.link, alone);
    expect([standalone, scene.invites.length]).toEqual([2, 2]);
  });

  test('a text to several, to a group or to where answers were asked to go is never said in a session', async () => {
    prefer('session');
    scene.answers(ok());
    for (const other of [{ audience: 'list' }, { audience: 'group' }, { audience: 'anonymous' }, { target: 'sip:desk@home2.example' }]) {
      await modes.sendText({ ...item, ...other } as typeof item, scene.link, alone);
    }
    expect([standalone, scene.invites.length]).toEqual([4, 0]);
  });

  test('what a conversation has of its own holds there, whatever holds for all, at each attempt', async () => {
    scene.answers(ok());
    prefer('standalone');
    await modes.sendText({ ...item, mode: 'session' }, scene.link, alone);
    expect([standalone, scene.invites.length]).toEqual([0, 1]);
    await modes.sendText({ ...item, mode: null }, scene.link, alone);
    expect(standalone).toBe(1);
    prefer('session');
    await modes.sendText({ ...item, mode: 'standalone' }, scene.link, alone);
    expect([standalone, scene.invites.length]).toEqual([2, 1]);
    await modes.sendText(item, scene.link, alone);
    expect([standalone, scene.invites.length]).toEqual([2, 1]);
  });

  test('by itself: the peer was asked, and the conversation is looked at', async () => {
    scene.answers(ok());
    scene.peers.learn(BOB, ['oma.cpm.session']);
    await modes.sendText(item, scene.link, alone);
    expect([standalone, scene.invites.length]).toEqual([1, 0]);
    shown = true;
    await modes.sendText(item, scene.link, alone);
    expect([standalone, scene.invites.length]).toEqual([1, 1]);
  });

  test('a notification goes in the session that is open with that device; else, and for a file, as a MESSAGE', async () => {
    await modes.sendNotification(notification, alone);
    expect(standalone).toBe(1);
    scene.answers(ok());
    await scene.send();
    await modes.sendNotification(notification, alone);
    const device = 'urn:uuid:3c5a1f0e-9b1d-4d6f-8a55-2f6f0a7b9d11';
    await modes.sendNotification({ ...notification, originInstance: device }, alone);
    expect(standalone).toBe(1);
    await modes.sendNotification({ ...notification, originInstance: 'urn:uuid:another' }, alone);
    await modes.sendNotification({ ...notification, service: 'filetransfer' }, alone);
    expect(standalone).toBe(3);
    scene.sends(() => Promise.reject(new ParleyError('msrp.lost', 'gone')));
    await modes.sendNotification(notification, alone);
    expect(standalone).toBe(4);
  });
});

describe('what a peer can do', () => {
  let questions: CapabilityQuestion[];
  let answer: () => Promise<FinalAnswer>;
  let link: Link;
  beforeEach(() => {
    questions = [];
    const { headers } = sipExample('F23-02.sip');
    answer = async () => ({ ...refusal(200), headers });
    link = {
      agent: {
        options: (question: CapabilityQuestion) => {
          questions.push(question);
          return answer();
        },
      },
    } as unknown as Link;
  });

  test('is asked as in F23-01 and read from F23-02', async () => {
    await new Capabilities(scene.context, scene.peers).ask({ peer: BOB }, link);
    const example = sipExample('F23-01.sip');
    expect(example.startLine).toBe(`OPTIONS ${questions[0]?.target} SIP/2.0`);
    for (const { name, value } of questions[0]?.headers ?? []) expect(value, name).toBe(headerOf(example, name));
    expect([scene.peers.can(BOB, 'oma.cpm.session'), scene.peers.can(BOB, 'oma.cpm.deferred')]).toEqual([true, false]);
  });

  test('is asked again after an hour, and after a minute where there was no answer; a refusal takes nothing back', async () => {
    const capabilities = new Capabilities(scene.context, scene.peers);
    await capabilities.ask({ peer: BOB }, link);
    await capabilities.ask({ peer: BOB }, link);
    expect(questions).toHaveLength(1);
    await scene.clock.advance(3_600_000);
    answer = async () => refusal(480);
    await capabilities.ask({ peer: BOB }, link);
    await capabilities.ask({ peer: BOB }, link);
    expect(questions).toHaveLength(2);
    await scene.clock.advance(60_000);
    answer = () => Promise.reject(new ParleyError('link.timeout', 'no answer'));
    await capabilities.ask({ peer: BOB }, link);
    expect([questions.length, scene.peers.can(BOB, 'oma.cpm.session')]).toEqual([3, true]);
  });

  test('is known after a restart; a text that was damaged is nothing', async () => {
    scene.peers.learn(BOB, ['oma.cpm.session']);
    await scene.clock.advance(1000);
    const again = new Peers(scene.context);
    await again.load();
    expect(again.can(BOB, 'oma.cpm.session')).toBe(true);
    for (const damaged of ['{', 'null', '{"a":1}', '[1,["x"],["y",null],[2,{}]]']) {
      await scene.context.store.setSetting('chat.peers', damaged);
      const peers = new Peers(scene.context);
      await peers.load();
      expect(peers.can(BOB, 'oma.cpm.session')).toBe(false);
    }
  });

  test('of many peers the ones that were not heard of for longest are forgotten', async () => {
    for (let at = 0; at < 600; at++) scene.peers.learn(`sip:${at}@home2.example`, ['oma.cpm.session']);
    expect([
      scene.peers.can('sip:99@home2.example', 'oma.cpm.session'),
      scene.peers.can('sip:100@home2.example', 'oma.cpm.session'),
    ]).toEqual([false, true]);
  });
});
