import { expect, test } from 'vitest';
import { DEFERRED_STATES, type DeferredEvent, type DeferredState, nextDeferredState } from '../../../shared/model/states/deferred-state.ts';

const walk = (events: readonly DeferredEvent[], isOver = false): (DeferredState | null)[] => {
  const states: (DeferredState | null)[] = [];
  let state: DeferredState | null = 'waiting';
  for (const event of events) {
    if (state !== null) state = nextDeferredState(state, event, isOver);
    states.push(state);
  }
  return states;
};

test('an item is chosen, asked for, and here', () => {
  expect(walk(['choose', 'ask', 'settle'])).toEqual(['chosen', 'asked', 'done']);
});

test('what broke is still ordered, what was refused can be chosen again, and a choice can be taken back', () => {
  expect(walk(['choose', 'ask', 'break', 'ask', 'refuse', 'choose', 'withdraw'])).toEqual([
    'chosen',
    'asked',
    'chosen',
    'asked',
    'failed',
    'chosen',
    'waiting',
  ]);
});

test('nobody is told of what went that nobody had chosen', () => {
  expect(walk(['unlist'])).toEqual([null]);
  expect(walk(['choose', 'ask', 'settle', 'unlist'])).toEqual(['chosen', 'asked', 'done', null]);
});

test('what was chosen and went is gone, or expired where its time was over, until the network has it again', () => {
  expect(walk(['choose', 'unlist', 'unlist', 'list'])).toEqual(['chosen', 'gone', 'gone', 'waiting']);
  expect(walk(['choose', 'unlist', 'list-anew'], true)).toEqual(['chosen', 'expired', 'waiting']);
});

test('a list that is late brings nothing back, the first one of a subscription does', () => {
  expect(walk(['choose', 'ask', 'settle', 'list', 'list-anew'])).toEqual(['chosen', 'asked', 'done', 'done', 'waiting']);
});

test('what the network took an order for and did not do has failed, and can be chosen again', () => {
  expect(walk(['choose', 'ask', 'settle', 'list-undone', 'choose'])).toEqual(['chosen', 'asked', 'done', 'failed', 'chosen']);
  expect(walk(['choose', 'unlist', 'list-undone'])).toEqual(['chosen', 'gone', 'waiting']);
  expect(walk(['choose', 'ask', 'list-undone'])).toEqual(['chosen', 'asked', 'asked']);
});

test('what is on its way is not chosen anew, nor given up by a choice that is taken back', () => {
  expect(walk(['choose', 'ask', 'choose', 'withdraw'])).toEqual(['chosen', 'asked', 'asked', 'asked']);
});

test('every state knows what to do with everything that can happen', () => {
  const events: DeferredEvent[] = ['choose', 'withdraw', 'ask', 'break', 'refuse', 'settle', 'list', 'list-anew', 'list-undone', 'unlist'];
  for (const state of DEFERRED_STATES)
    for (const event of events) {
      const next = nextDeferredState(state, event, false);
      expect(next === null || DEFERRED_STATES.includes(next)).toBe(true);
    }
});
