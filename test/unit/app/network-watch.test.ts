import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { watchNetwork } from '../../../electron/app/network-watch.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

function watched() {
  let addresses = ['127.0.0.1', '192.0.2.7'];
  let time = 0;
  const heard: string[] = [];
  const power = new Set<(event: 'sleeping' | 'woke') => void>();
  const network = watchNetwork({
    addresses: () => addresses,
    now: () => time,
    power: (listener) => {
      power.add(listener);
      return () => power.delete(listener);
    },
  });
  const end = network.watch((event) => heard.push(event));
  return {
    network,
    heard,
    power,
    end,
    become: (...now: string[]) => {
      addresses = now;
    },
    /** @param late how much later than due the look comes, by the time of day */
    look: (late = 0) => {
      time += 2000 + late;
      vi.advanceTimersByTime(2000);
    },
  };
}

describe('the watch over the network', () => {
  test('tells nothing while nothing changes, in whatever order the addresses come', () => {
    const { heard, become, look } = watched();
    look();
    become('192.0.2.7', '127.0.0.1');
    look();
    expect(heard).toEqual([]);
  });

  test('tells of an address that comes or goes, once', () => {
    const { heard, become, look } = watched();
    become('127.0.0.1');
    look();
    look();
    become('127.0.0.1', '2001:db8::7');
    look();
    expect(heard).toEqual(['changed', 'changed']);
  });

  test('takes a leap of the time of day for sleep, and a busy machine for none', () => {
    const { heard, look } = watched();
    look(14_000);
    expect(heard).toEqual([]);
    look(16_000);
    expect(heard).toEqual(['woke']);
  });

  test('a clock that is set back is no sleep', () => {
    const { heard, look } = watched();
    look(-3_600_000);
    expect(heard).toEqual([]);
  });

  test('passes on what the system says, and ends with its last listener', () => {
    const { network, heard, power, end } = watched();
    const other = network.watch(() => undefined);
    for (const listener of power) listener('sleeping');
    expect(heard).toEqual(['sleeping']);
    end();
    expect(power.size).toBe(1);
    other();
    expect(power.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('knows the addresses of this machine', () => {
    const all = Object.values(networkInterfaces()).flatMap((infos) => (infos ?? []).map(({ address }) => address));
    expect(watchNetwork().addresses()).toEqual(all);
  });
});
