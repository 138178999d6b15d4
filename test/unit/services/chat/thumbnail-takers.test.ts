import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { Capabilities } from '../../../../electron/services/chat/capabilities.ts';
import { Peers } from '../../../../electron/services/chat/peers.ts';
import type { Link } from '../../../../electron/services/context.ts';
import type { FinalAnswer } from '../../../../electron/sip/port.ts';
import { temporaryFolder } from '../../../harness/temporary-folder.ts';
import { sipExample } from '../../../vectors/example.ts';
import { BOB, chatStage, refusal } from './stage.ts';

const root = temporaryFolder();
const WHO = { peer: BOB, route: null };
const YES: FinalAnswer = { ...refusal(200), headers: sipExample('F23-02.sip').headers };
const NO: FinalAnswer = {
  ...YES,
  headers: YES.headers.map(({ name, value }) => ({ name, value: value.replace(/;\+g\.3gpp\.iari-ref="[^"]*"/, '') })),
};

describe('R-FT-12: whether somebody shows thumbnails', () => {
  let number = 0;
  let scene: ReturnType<typeof chatStage>;
  let capabilities: Capabilities;
  let asked: string[];
  let answer: () => Promise<FinalAnswer>;
  let link: Link;
  beforeEach(() => {
    number += 1;
    scene = chatStage(join(root, String(number)));
    capabilities = new Capabilities(scene.context, scene.peers);
    asked = [];
    link = {
      agent: {
        options: ({ target }: { target: string }) => {
          asked.push(target);
          return answer();
        },
      },
    } as unknown as Link;
  });

  test('is what OPTIONS is answered with, and asked once for many files', async () => {
    answer = async () => YES;
    expect(await Promise.all(Array.from({ length: 5 }, () => capabilities.takesThumbnails(WHO, link)))).toEqual(Array(5).fill(true));
    expect(asked).toEqual([BOB]);
    answer = async () => NO;
    await scene.clock.advance(3_600_000);
    expect(await capabilities.takesThumbnails(WHO, link)).toBe(false);
  });

  test('is no where the answer takes more than two seconds, which no file waits for, and known for the next one', async () => {
    let say: (said: FinalAnswer) => void = () => undefined;
    answer = () => new Promise((resolve) => (say = resolve));
    const waits = capabilities.takesThumbnails(WHO, link);
    await scene.clock.advance(2000);
    expect(await waits).toBe(false);
    say(YES);
    await scene.clock.advance(0);
    expect(await capabilities.takesThumbnails(WHO, link)).toBe(true);
    expect(asked).toHaveLength(1);
  });

  test('is no where nobody answers', async () => {
    answer = async () => refusal(480);
    expect(await capabilities.takesThumbnails(WHO, link)).toBe(false);
    answer = () => Promise.reject(new Error('gone'));
    await scene.clock.advance(60_000);
    expect(await capabilities.takesThumbnails(WHO, link)).toBe(false);
  });

  test('is no for whoever took an offer only without one, whatever he says, also after a restart', async () => {
    answer = async () => YES;
    await capabilities.takesThumbnails(WHO, link);
    capabilities.thumbnailRefused(BOB);
    expect(await capabilities.takesThumbnails(WHO, link)).toBe(false);
    await scene.clock.advance(3_600_000);
    const again = new Peers(scene.context);
    await again.load();
    expect(again.saidAt(BOB)).not.toBeNull();
    expect(await new Capabilities(scene.context, again).takesThumbnails(WHO, link)).toBe(false);
  });

  test('is asked at once where an earlier version did not', async () => {
    answer = async () => YES;
    // what nobody has said was said at the epoch
    await scene.clock.advance(2 * 3_600_000);
    const kept = [[BOB, { services: ['oma.cpm.session'], saidAt: scene.clock.now(), refusesTyping: false }]];
    await scene.context.store.setSetting('chat.peers', JSON.stringify(kept));
    const peers = new Peers(scene.context);
    await peers.load();
    expect(peers.can(BOB, 'oma.cpm.session')).toBe(true);
    expect(await new Capabilities(scene.context, peers).takesThumbnails(WHO, link)).toBe(true);
    expect(asked).toHaveLength(1);
  });
});
