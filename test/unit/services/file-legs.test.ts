import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { hashFile } from '../../../electron/msrp/file-source.ts';
import { TransferService } from '../../../electron/services/transfers/transfer-service.ts';
import type { FinalAnswer } from '../../../electron/sip/port.ts';
import type { OutboxItem } from '../../../electron/store/port.ts';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { listKey } from '../../../shared/model/audience.ts';
import { makeFileAnswer, takenLine } from '../../../shared/protocol/sdp/file-offer.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { decodeSdp, encodeSdp } from '../../../shared/protocol/sdp/sdp.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { stage } from './stage.ts';

const [BOB, CAROL, DAVE] = ['sip:bob@example.com', 'sip:carol@example.com', 'sip:dave@example.com'] as const;
const FACTORY = 'sip:conference-factory@example.com';
const PLACE = {
  protocol: 'TCP/MSRP',
  address: '127.0.0.1',
  port: 2856,
  path: ['msrp://127.0.0.1:2856/their0123456789session;tcp'],
} as const;

type FileItem = Extract<OutboxItem, { kind: 'file' }>;

const root = temporaryFolder();
let number = 0;
let world: ReturnType<typeof stage>;
let path: string;
beforeEach(() => {
  number += 1;
  world = stage(join(root, String(number)));
  path = join(root, String(number), 'a.txt');
  writeFileSync(path, 'hello');
});

const refusal = (status: number): FinalAnswer => ({ status, reason: '', headers: [], contentType: null, body: new Uint8Array() });

function taken(body: Uint8Array): FinalAnswer {
  const text = fromUtf8(body);
  const from = text.indexOf('v=0');
  const offer = decodeSdp(text.slice(from, text.includes('\r\n--') ? text.indexOf('\r\n--', from) + 2 : undefined));
  const lines = new Map(offer.media.map((media, at) => [at, takenLine(media as MsrpMedia, { place: PLACE, setup: 'active' })] as const));
  const origin = { user: 'bob', id: '1', version: '1', address: '127.0.0.1' };
  const answer = makeFileAnswer(offer, { origin, address: '127.0.0.1', lines });
  return { ...refusal(200), contentType: 'application/sdp', body: encodeSdp(answer) };
}

const ready = () => world.calls.outboxReady(world.clock.now(), 10).filter((item): item is FileItem => item.kind === 'file');
const states = () => world.calls.transferLegs(1).map(({ state }) => state);
const targets = () => world.invites.map(({ target }) => target);
const offerAll = () => Promise.all(ready().map((item) => world.service.offer(item, world.link)));

type Answers = Partial<Record<string, (body: Uint8Array) => FinalAnswer | Promise<FinalAnswer>>>;

/** Picked for several people, and answered by a network without a server for lists. @param answers of each of them after that */
async function spread(answers: Answers = {}, status = 420, people: readonly string[] = [BOB, CAROL, DAVE]) {
  const members = people.map((address) => ({ address, name: '' }));
  const peer = listKey(people);
  const { id } = world.calls.openConversation({ peer, title: 'three', cpmConversationId: 'c', now: 1, members });
  const { modifiedAt } = await hashFile(path);
  await world.service.send(id, 'f1', { path, name: 'a.txt', type: 'text/plain', size: 5, modifiedAt });
  await expect.poll(() => world.transfer().state).toBe('queued');
  world.answers(async (body, target) => (target === FACTORY ? refusal(status) : ((await answers[target]?.(body)) ?? taken(body))));
  await offerAll();
  expect(targets()).toEqual([FACTORY]);
}

test.each([404, 405, 410, 420, 501, 604])(
  'R-FT-02: a network that answers %i takes no lists: each recipient is invited by himself',
  async (status) => {
    await spread({}, status);
    expect(ready().map(({ peer }) => peer)).toEqual([BOB, CAROL, DAVE]);
    await offerAll();
    await expect.poll(states).toEqual(['done', 'done', 'done']);
    // four leave side by side, in no order
    const [first, ...rest] = targets();
    expect([first, ...rest.toSorted()]).toEqual([FACTORY, BOB, CAROL, DAVE]);
    expect(world.calls.message(1)).toMatchObject({ status: 'sent', transfer: { state: 'done', transferred: 5 } });
  },
);

test('the file is hashed once, and each invitation asks for the same notification', async () => {
  await spread();
  const { hash } = world.transfer();
  await offerAll();
  const bodies = world.invites.slice(1).map(({ body }) => fromUtf8(body));
  expect(bodies).toHaveLength(3);
  for (const body of bodies) {
    expect(body.toLowerCase()).toContain(hash?.sha1?.match(/../g)?.join(':'));
    expect(body).toContain('imdn.Message-ID: f1');
  }
  expect(new Set(bodies.map((body) => /file-transfer-id:(\S+)/.exec(body)?.[1])).size).toBe(3);
  expect(bodies.map((body) => /^To: <?(sip:[^>\s]+)/m.exec(body)?.[1]).toSorted()).toEqual([BOB, CAROL, DAVE]);
});

test('a recipient who declines ends nothing for the others, and is the only one to be asked again', async () => {
  await spread({ [CAROL]: () => refusal(603) });
  await offerAll();
  await expect.poll(states).toEqual(['done', 'declined', 'done']);
  expect(world.calls.message(1)).toMatchObject({ status: 'sent', failedTo: [{ address: CAROL }] });
  world.calls.retry({ messageId: 1, fileImdnId: 'unused', recipient: CAROL, now: 50 });
  world.answers(async (body) => taken(body));
  await offerAll();
  await expect.poll(states).toEqual(['done', 'done', 'done']);
  expect(targets().slice(4)).toEqual([CAROL]);
  expect(fromUtf8(world.invites.at(-1)?.body ?? new Uint8Array())).not.toContain('imdn.Message-ID: f1');
});

test('a recipient who is not there is tried again later, by himself', async () => {
  await spread({ [DAVE]: () => refusal(480) });
  await offerAll();
  await expect.poll(states).toEqual(['done', 'done', 'queued']);
  expect(world.calls.message(1)).toMatchObject({ status: 'queued', transfer: { state: 'queued' } });
  expect(ready()).toEqual([]);
  world.answers(async (body) => taken(body));
  await world.clock.advance(3000);
  await offerAll();
  await expect.poll(states).toEqual(['done', 'done', 'done']);
  expect(targets().slice(4)).toEqual([DAVE]);
});

test('is paused, taken up again and cancelled as a whole; who has it keeps it', async () => {
  const never = () => new Promise<FinalAnswer>(() => undefined);
  await spread({ [CAROL]: never, [DAVE]: () => refusal(480) });
  void offerAll();
  await expect.poll(states).toEqual(['done', 'offering', 'queued']);
  expect(world.transfer().state).toBe('offering');
  await world.service.pause(1);
  await expect.poll(states).toEqual(['done', 'paused', 'paused']);
  expect(world.transfer().state).toBe('paused');
  await expect(world.service.pause(1)).rejects.toMatchObject({ code: 'request.invalid-state' });
  await world.service.resume(1);
  expect(states()).toEqual(['done', 'queued', 'queued']);
  await world.service.cancel(1);
  expect(states()).toEqual(['done', 'cancelled', 'cancelled']);
  expect(world.calls.message(1)).toMatchObject({ status: 'sent', transfer: { state: 'done' }, reach: { failed: 2 } });
  await world.service.cancel(1);
});

test('at most four of the recipients are sent to at once; the others wait for their turn', async () => {
  const people = [1, 2, 3, 4, 5, 6].map((each) => `sip:friend${each}@example.com`);
  await spread({}, 420, people);
  let flowing = 0;
  let most = 0;
  const ends: (() => void)[] = [];
  world.onSend(async () => {
    most = Math.max(most, ++flowing);
    await new Promise<void>((resolve) => ends.push(resolve));
    flowing -= 1;
  });
  await offerAll();
  await expect.poll(() => flowing).toBe(4);
  expect(world.service.queue).toEqual([1, 1]);
  for (let ended = 0; ended < people.length; ended++) {
    await expect.poll(() => ends.length).toBeGreaterThan(0);
    ends.shift()?.();
  }
  await expect.poll(() => new Set(states())).toEqual(new Set(['done']));
  expect(most).toBe(4);
});

test('what broke off goes on for that recipient after a restart, behind what he has', async () => {
  await spread({ [CAROL]: () => new Promise<FinalAnswer>(() => undefined) });
  void offerAll();
  await expect.poll(states).toEqual(['done', 'offering', 'done']);
  const leg = world.calls.transferLegs(1)[1]?.id ?? 0;
  world.calls.applyTransfer({ transferId: leg, event: 'started', now: 30, fields: { fileTransferId: 'x' } });
  world.calls.checkpointTransfer(leg, 3);
  // the process dies
  world.calls.outboxRecover(60);
  expect(states()).toEqual(['done', 'interrupted', 'done']);
  const again = stageOf(world);
  await again.service.recover();
  expect(states()).toEqual(['done', 'queued', 'done']);
  world.answers(async (body) => taken(body));
  await world.clock.advance(5000);
  const [item] = ready();
  if (item === undefined) throw new Error('nothing waits');
  await again.service.offer(item, world.link);
  await expect.poll(states).toEqual(['done', 'done', 'done']);
  expect(fromUtf8(world.invites.at(-1)?.body ?? new Uint8Array())).toContain('a=file-range:4-5');
});

/** The next process on the same store. */
function stageOf({ context, msrp, folders }: ReturnType<typeof stage>) {
  return { service: new TransferService(context, msrp, folders, () => undefined) };
}
