import { beforeEach, describe, expect, test } from 'vitest';
import { Typing } from '../../../../electron/services/chat/typing.ts';
import { TypingPeers } from '../../../../electron/services/chat/typing-peers.ts';
import type { SettingsView } from '../../../../electron/services/context.ts';
import { fromUtf8, utf8 } from '../../../../shared/base/bytes.ts';
import { ParleyError } from '../../../../shared/base/errors.ts';
import { DEFAULT_SETTINGS } from '../../../../shared/model/settings.ts';
import { cpimContent, decodeCpim } from '../../../../shared/protocol/cpim/cpim.ts';
import { imdnRequest } from '../../../../shared/protocol/cpim/cpim-message.ts';
import { decodeComposing, encodeComposing } from '../../../../shared/protocol/iscomposing/iscomposing.ts';
import { settle } from '../../../harness/manual-clock.ts';
import { temporaryFolder } from '../../../harness/temporary-folder.ts';
import { BOB, chatStage, ok, TARGET } from './stage.ts';

const root = temporaryFolder();
let scene: ReturnType<typeof chatStage>;
let typing: Typing;
/** what was said of typing, in the order of the session */
let said: string[];
let prepared: number;

beforeEach(async () => {
  scene = chatStage(root);
  said = [];
  prepared = 0;
  scene.sends(async ({ contentType, source }) => {
    if (contentType === 'message/cpim') return;
    said.push(decodeComposing(source as Uint8Array).state);
  });
  typing = new Typing(scene.context, {
    peers: scene.peers,
    openWith: (peer) => scene.service.openWith(peer),
    prepare: async () => {
      prepared += 1;
    },
  });
  scene.answers(ok());
  await scene.send();
});

describe('the own typing (RFC 3994 section 3.2)', () => {
  test('is said at the first key stroke, again every minute while it goes on, and ends 15 s after the last one', async () => {
    typing.set(TARGET, true);
    expect(said).toEqual(['active']);
    for (let at = 0; at < 12; at++) {
      await scene.clock.advance(10_000);
      typing.set(TARGET, true);
    }
    expect(said).toEqual(['active', 'active', 'active']);
    await scene.clock.advance(14_999);
    expect(said).toHaveLength(3);
    await scene.clock.advance(1);
    expect(said).toEqual(['active', 'active', 'active', 'idle']);
    await scene.clock.advance(600_000);
    expect(said).toHaveLength(4);
  });

  test('a message ends it by itself; what was taken away is said', async () => {
    typing.set(TARGET, true);
    typing.sent(BOB);
    await scene.clock.advance(20_000);
    expect(said).toEqual(['active']);
    typing.set(TARGET, true);
    typing.set(TARGET, false);
    expect(said).toEqual(['active', 'active', 'idle']);
    typing.set(TARGET, false);
    expect(said).toHaveLength(3);
  });

  test('goes on being seen when a text arrives while the next one is written', () => {
    typing.arrived(BOB);
    expect(said).toEqual([]);
    typing.set(TARGET, true);
    typing.arrived(BOB);
    expect(said).toEqual(['active', 'active']);
  });

  test('to a peer whose accept-types have it only wrapped goes in message/cpim, and asks for no notification', async () => {
    scene.service.stop();
    scene = chatStage(root);
    const wrapped: Uint8Array[] = [];
    scene.sends(async ({ contentType, source }) => {
      if (contentType === 'message/cpim') wrapped.push(source as Uint8Array);
    });
    scene.answers(
      ok(
        fromUtf8(ok().body)
          .replace(' application/im-iscomposing+xml', '')
          .replace('wrapped-types:', 'wrapped-types:application/im-iscomposing+xml '),
      ),
    );
    await scene.send();
    const other = new Typing(scene.context, {
      peers: scene.peers,
      openWith: (peer) => scene.service.openWith(peer),
      prepare: async () => undefined,
    });
    other.set(TARGET, true);
    const cpim = decodeCpim(wrapped[1] as Uint8Array);
    expect(imdnRequest(cpim)).toMatchObject({ messageId: null, dispositions: new Set() });
    expect(decodeComposing(cpimContent(cpim)).state).toBe('active');
  });

  test('to a peer that takes it in no form, and to one without a session, is not said', async () => {
    const other = { ...TARGET, peer: 'sip:carol@home2.example' };
    typing.set(other, true);
    expect([said, prepared]).toEqual([[], 1]);
    scene.answers(ok(fromUtf8(ok().body).replace(' application/im-iscomposing+xml', '')));
    await scene.service.sessionWith(other, scene.link);
    typing.set(other, true);
    expect(said).toEqual([]);
  });

  test('the first key stroke asks for a session once, and is said when there is one', async () => {
    scene.service.openWith(BOB)?.end('released');
    const other = new Typing(scene.context, {
      peers: scene.peers,
      openWith: (peer) => scene.service.openWith(peer),
      prepare: async (target) => {
        prepared += 1;
        await scene.service.prepare(target, scene.link);
      },
    });
    other.set(TARGET, true);
    other.set(TARGET, true);
    await settle();
    await settle();
    expect([prepared, said]).toEqual([1, ['active']]);
  });

  test('is never sent again to a peer that answered 415, also after a restart; its texts go on', async () => {
    scene.sends(async ({ contentType }) => {
      if (contentType !== 'message/cpim') throw new ParleyError('msrp.refused', '415 what is that');
    });
    typing.set(TARGET, true);
    await settle();
    expect(scene.peers.refusesTyping(BOB)).toBe(true);
    const sessions = scene.sessions[0]?.events.length;
    typing.set(TARGET, false);
    typing.set(TARGET, true);
    expect(scene.sessions[0]?.events).toHaveLength(sessions ?? 0);
    expect(await scene.send()).toEqual({ kind: 'accepted' });
    await scene.clock.advance(1000);
    const stored = await scene.context.store.setting('chat.peers');
    expect(JSON.parse(stored ?? '')).toEqual([[BOB, expect.objectContaining({ refusesTyping: true })]]);
  });

  test('is kept to oneself where the setting says so', () => {
    (scene.context.settings as { current: SettingsView['current'] }).current = { ...DEFAULT_SETTINGS, typing: false };
    typing.set(TARGET, true);
    expect([said, prepared]).toEqual([[], 0]);
  });
});

describe('the typing of others', () => {
  let peers: TypingPeers;
  let told: [string, boolean][];
  beforeEach(() => {
    told = [];
    peers = new TypingPeers(scene.context);
    scene.context.notices.on(({ event, payload }) => {
      if (event === 'typing.changed') told.push([(payload as { peer: string }).peer, (payload as { typing: boolean }).typing]);
    });
  });
  const active = (refresh = 60) => encodeComposing('active', refresh);
  const idle = encodeComposing('idle', 0);

  test('is told once, and taken back when it runs out, when it ends or when a message comes', async () => {
    peers.take(BOB, active());
    await scene.clock.advance(30_000);
    peers.take(BOB, active());
    expect(told).toEqual([[BOB, true]]);
    await scene.clock.advance(59_999);
    expect(told).toHaveLength(1);
    await scene.clock.advance(1);
    expect(told).toEqual([
      [BOB, true],
      [BOB, false],
    ]);
    await scene.clock.advance(1000);
    peers.take(BOB, active());
    await scene.clock.advance(1000);
    peers.take(BOB, idle);
    await scene.clock.advance(1000);
    peers.take(BOB, active());
    peers.ended(BOB);
    expect(told.slice(2)).toEqual([
      [BOB, true],
      [BOB, false],
      [BOB, true],
      [BOB, false],
    ]);
  });

  test('of somebody who never said it, the end is nothing', () => {
    peers.take(BOB, idle);
    peers.ended(BOB);
    expect(told).toEqual([]);
  });

  test('a flood is told a few times a second, and the last word of it holds', async () => {
    for (let at = 0; at < 10_000; at++) {
      peers.take(BOB, at % 2 === 0 ? active() : idle);
      if (at % 100 === 0) await scene.clock.advance(10);
    }
    expect(told.length).toBeLessThan(12);
    peers.take(BOB, active());
    await scene.clock.advance(1000);
    expect(told.at(-1)).toEqual([BOB, true]);
    expect(scene.clock.waiting).toBeLessThan(5);
  });

  test('a crowd does not fill the memory, and leaves nothing behind', async () => {
    const before = scene.clock.waiting;
    for (let at = 0; at < 5000; at++) peers.take(`sip:${at}@home2.example`, active());
    expect(told).toHaveLength(200);
    await scene.clock.advance(120_000);
    expect(told).toHaveLength(400);
    expect(scene.clock.waiting).toBe(before);
  });

  test('what is no document of that kind is refused, and nobody types', () => {
    expect(() => peers.take(BOB, utf8('<a/>'))).toThrow(/xml\.malformed/);
    expect(told).toEqual([]);
  });
});
