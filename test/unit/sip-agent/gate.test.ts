import { describe, expect, it } from 'vitest';
import { Gate, type GateOptions } from '../../../electron/sip/gate.ts';

const BUDGETS = {
  acquaintance: { burst: 100, perSecond: 50 },
  stranger: { burst: 5, perSecond: 1 },
  strangers: { burst: 8, perSecond: 2 },
  answers: { burst: 10, perSecond: 1 },
};

function gateWith(options: Partial<GateOptions> = {}) {
  const clock = { now: 0 };
  const lines: string[] = [];
  const gate = new Gate({
    knows: (source) => source === 'sip:friend@a',
    log: (line) => lines.push(line),
    now: () => clock.now,
    budgets: BUDGETS,
    ...options,
  });
  const taken = (source: string, times: number): number =>
    Array.from({ length: times }, () => gate.judge(source)).filter((judgement) => judgement === 'take').length;
  return { gate, clock, lines, taken };
}

describe('what one source may ask', () => {
  it('a stranger gets a few requests, and then one a second', () => {
    const { clock, taken } = gateWith();
    expect(taken('sip:x@a', 100)).toBe(5);
    clock.now = 3_000;
    expect(taken('sip:x@a', 100)).toBe(3);
    clock.now = 1_000_000;
    expect(taken('sip:x@a', 100)).toBe(5);
  });

  it('a friend gets through while strangers have used up all that is theirs', () => {
    const { taken } = gateWith();
    for (let at = 0; at < 50; at++) taken(`sip:x${at}@a`, 50);
    expect(taken('sip:friend@a', 80)).toBe(80);
  });

  it('strangers under ever new names share one budget', () => {
    const { clock, taken } = gateWith();
    const all = (): number => Array.from({ length: 500 }, (_, at) => taken(`sip:x${at}@a`, 1)).reduce((sum, one) => sum + one, 0);
    expect(all()).toBe(8);
    clock.now = 2_000;
    expect(all()).toBe(4);
  });

  it('a stranger who was answered has the budget of a friend at once', () => {
    const friends = new Set<string>();
    const { taken } = gateWith({ knows: (source) => friends.has(source) });
    expect(taken('sip:x@a', 50)).toBe(5);
    friends.add('sip:x@a');
    expect(taken('sip:x@a', 50)).toBe(50);
  });

  it('what is not taken is answered, up to a limit, and then not even that', () => {
    const { gate, clock } = gateWith();
    const judged = Array.from({ length: 30 }, () => gate.judge('sip:x@a'));
    expect(judged.filter((each) => each === 'refuse')).toHaveLength(10);
    expect(judged.filter((each) => each === 'drop')).toHaveLength(15);
    clock.now = 1_000;
    expect([gate.judge('sip:x@a'), gate.judge('sip:x@a'), gate.judge('sip:x@a')]).toEqual(['take', 'refuse', 'drop']);
  });

  it('says so in the log once in ten seconds, with how many there were', () => {
    const { gate, clock, lines } = gateWith();
    for (let at = 0; at < 5_000; at++) {
      clock.now = at * 5;
      gate.judge('sip:x@a');
    }
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/^too many requests: [0-9]{4} not taken, the last one of sip:x@a$/);
  });

  it('remembers a thousand sources and no more', () => {
    const { gate, clock } = gateWith({ budgets: { ...BUDGETS, strangers: { burst: 1e9, perSecond: 1e9 } } });
    for (let at = 0; at < 5; at++) gate.judge('sip:first@a');
    expect(gate.judge('sip:first@a')).not.toBe('take');
    for (let at = 0; at < 999; at++) gate.judge(`sip:x${at}@a`);
    expect(gate.judge('sip:first@a')).not.toBe('take');
    for (let at = 0; at < 1000; at++) gate.judge(`sip:y${at}@a`);
    expect(gate.judge('sip:first@a')).toBe('take');
    expect(clock.now).toBe(0);
  });

  it('asks to come back at different times', () => {
    const { gate } = gateWith();
    const seconds = new Set(Array.from({ length: 200 }, () => gate.retryAfter()));
    expect(seconds.size).toBeGreaterThan(5);
    for (const each of seconds) expect(each).toBeGreaterThanOrEqual(5);
  });
});
