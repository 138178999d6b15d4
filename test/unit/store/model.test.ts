import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { OutboxItem } from '../../../electron/store/port.ts';
import { type MessageStatus, nextMessageStatus } from '../../../shared/model/states/message-status.ts';
import { ALL_ASKED, BOB, CAROL, compose, type InThread, NOTHING_ASKED, openInThread, openWith, receive } from './fixture.ts';

interface Line {
  readonly id: number;
  readonly peer: string;
  readonly direction: 'in' | 'out';
  readonly imdnId: string;
  status: MessageStatus;
  readonly asked: boolean;
  /** of an outgoing one: whether it waits in the outbox, and until when */
  row: { inWork: boolean; notBefore: number; attempts: number } | null;
  delivered: 'none' | 'waiting' | 'working' | 'accepted';
  displayed: 'none' | 'waiting' | 'working' | 'accepted';
}

/** The store in twenty lines of memory: a plain list in the order of arrival. */
class Model {
  readonly lines: Line[] = [];
  now = 100;

  of(peer: string): Line[] {
    return this.lines.filter((line) => line.peer === peer);
  }

  /** whoever is heard from can be reached */
  hasten(peer: string): void {
    for (const { row } of this.of(peer)) if (row && !row.inWork) row.notBefore = Math.min(row.notBefore, this.now);
  }

  /** one MESSAGE at a time to each, texts first */
  ready(): string[] {
    return [BOB, CAROL].flatMap((peer) => {
      const lines = this.of(peer);
      if (lines.some(({ row, delivered, displayed }) => row?.inWork || delivered === 'working' || displayed === 'working')) return [];
      const text = lines.find((line) => line.row);
      if (text?.row && text.row.notBefore <= this.now) return [`text ${text.imdnId}`];
      const owed = lines.find((line) => line.delivered === 'waiting' || line.displayed === 'waiting');
      return owed ? [`${owed.delivered === 'waiting' ? 'delivered' : 'displayed'} ${owed.imdnId}`] : [];
    });
  }
}

type Operation =
  | {
      readonly kind: 'compose' | 'receive' | 'read' | 'retry' | 'receipt';
      readonly peer: string;
      readonly n: number;
      readonly event: 'delivered' | 'displayed' | 'failed';
    }
  | { readonly kind: 'work'; readonly n: number; readonly outcome: 'accepted' | 'postponed' | 'failed' | 'nothing' }
  | { readonly kind: 'restart' };

const peer = fc.constantFrom(BOB, CAROL);
const small = fc.integer({ min: 0, max: 4 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('compose', 'receive', 'read', 'retry', 'receipt'),
      peer,
      n: small,
      event: fc.constantFrom('delivered', 'displayed', 'failed'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('work' as const),
      n: small,
      outcome: fc.constantFrom('accepted', 'postponed', 'failed', 'nothing'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
);

function advance(line: Line, ...args: [Parameters<typeof nextMessageStatus>[1]]): void {
  line.status = nextMessageStatus(line.status, ...args);
}

function perform(store: InThread['store'], model: Model, op: Operation): void {
  model.now += 10;
  const { now } = model;
  if (op.kind === 'restart') {
    store.outboxRecover(now);
    for (const line of model.lines) {
      if (line.row?.inWork) {
        line.row = { ...line.row, inWork: false, notBefore: now };
        advance(line, 'postponed');
      }
      if (line.delivered === 'working') line.delivered = 'waiting';
      if (line.displayed === 'working') line.displayed = 'waiting';
    }
    return;
  }
  if (op.kind === 'work') {
    work(store, model, op.n, op.outcome);
    return;
  }

  const imdnId = `${op.peer} ${op.kind === 'receive' ? 'in' : 'out'} ${op.n}`;
  const known = model.of(op.peer).find((line) => line.imdnId === imdnId);
  const conversationId = op.peer === BOB ? 1 : 2;
  const fresh = { peer: op.peer, imdnId, delivered: 'none', displayed: 'none' } as const;
  switch (op.kind) {
    case 'compose': {
      const rows = compose(store, conversationId, imdnId, now);
      expect(rows.created).toBe(!known);
      if (!known) {
        const row = { inWork: false, notBefore: 0, attempts: 0 };
        model.lines.push({ ...fresh, id: rows.message.id, direction: 'out', status: 'queued', asked: false, row });
      }
      return;
    }
    case 'receive': {
      const asked = op.n % 2 === 0;
      const rows = receive(store, imdnId, asked ? ALL_ASKED : NOTHING_ASKED, op.peer, now);
      model.hasten(op.peer);
      expect(rows.duplicate).toBe(known !== undefined);
      const line: Line = known ?? { ...fresh, id: rows.message.id, direction: 'in', status: 'received', asked, row: null };
      if (!known) model.lines.push(line);
      if (asked && line.delivered === 'none' && line.displayed === 'none') line.delivered = 'waiting';
      return;
    }
    case 'read': {
      const upTo = model.of(op.peer)[op.n]?.id ?? 1e9;
      const unread = model.of(op.peer).filter((line) => line.status === 'received' && line.id <= upTo);
      expect(store.markRead({ conversationId, upTo, now }).messages.map((message) => message.id)).toEqual(unread.map((line) => line.id));
      for (const line of unread) {
        advance(line, 'read');
        if (!line.asked) continue;
        if (line.delivered === 'waiting') line.delivered = 'none';
        line.displayed = 'waiting';
      }
      return;
    }
    case 'retry': {
      if (!known) return;
      const failed = known.status === 'failed';
      store.retry({ messageId: known.id, fileImdnId: 'unused', now });
      advance(known, 'retry');
      if (failed) known.row = { inWork: false, notBefore: 0, attempts: 0 };
      return;
    }
    case 'receipt': {
      const rows = store.applyReceipt({ peer: op.peer, imdnId, event: op.event, now });
      model.hasten(op.peer);
      expect(rows === null).toBe(known === undefined);
      if (!known) return;
      advance(known, op.event);
      known.row = null;
    }
  }
}

type Outcome = 'accepted' | 'postponed' | 'failed' | 'nothing';

/** Takes up the first one or two rows that are ready, and says what came of them. */
function work(store: InThread['store'], model: Model, n: number, outcome: Outcome): void {
  for (const item of store.outboxTake({ now: model.now, limit: 1 + (n % 2), notifications: 2 }).items) book(store, model, item, outcome);
}

function book(store: InThread['store'], model: Model, item: OutboxItem, outcome: Outcome): void {
  const { now } = model;
  if (item.kind === 'file') return;
  // the model has no clock for notifications: a postponed one is put back at once
  const notBefore = item.kind === 'notification' ? 0 : now + 25;
  if (outcome !== 'nothing') store.outboxUpdate({ outboxId: item.id, event: outcome, now, notBefore });
  const line = model.lines.find((candidate) => candidate.imdnId === (item.kind === 'text' ? item.message.imdnId : item.about)) as Line;
  if (item.kind === 'notification') {
    const state = ({ accepted: 'accepted', postponed: 'waiting', failed: 'none', nothing: 'working' } as const)[outcome];
    if (item.disposition === 'delivered') line.delivered = state;
    else line.displayed = state;
    return;
  }
  expect(item.attempts).toBe(line.row?.attempts);
  advance(line, 'attempt');
  line.row = { inWork: outcome === 'nothing', notBefore: outcome === 'postponed' ? now + 25 : 0, attempts: item.attempts + 1 };
  if (outcome === 'nothing') return;
  advance(line, outcome);
  if (outcome !== 'postponed') line.row = null;
}

function compare(store: InThread['store'], model: Model): void {
  for (const [index, peer] of [BOB, CAROL].entries()) {
    const lines = model.of(peer);
    const { items } = store.messages({ conversationId: index + 1, limit: 200 });
    expect(items.map(({ id, imdnId, status }) => ({ id, imdnId, status }))).toEqual(
      lines.map(({ id, imdnId, status }) => ({ id, imdnId, status })),
    );
    const conversation = store.conversation(index + 1);
    const last = lines.at(-1);
    expect(conversation.unread).toBe(lines.filter((line) => line.status === 'received').length);
    expect(conversation.last && [conversation.last.text, conversation.last.status]).toEqual(
      last ? [`text ${last.imdnId}`, last.status] : null,
    );
  }
  const ready = store
    .outboxReady(model.now, 1000)
    .map((item) => (item.kind === 'notification' ? `${item.disposition} ${item.about}` : `text ${item.message.imdnId}`));
  expect([...ready].sort()).toEqual(model.ready().sort());
}

test('any sequence of what people, the network and restarts do leaves what a plain list would hold', { timeout: 180_000 }, () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 60, size: 'max' }), (operations) => {
      const { database, store } = openInThread();
      try {
        openWith(store, BOB);
        openWith(store, CAROL);
        const model = new Model();
        for (const op of operations) {
          perform(store, model, op);
          compare(store, model);
        }
      } finally {
        database.close();
      }
    }),
    { numRuns: 100 },
  );
});
