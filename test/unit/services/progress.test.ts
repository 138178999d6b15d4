import { expect, test } from 'vitest';
import { ProgressMeter } from '../../../electron/services/transfers/progress.ts';
import type { TransferProgress } from '../../../shared/model/transfer.ts';

test('a clock that is set back does not stop the progress that is shown, nor the checkpoints', () => {
  let now = 10_000_000;
  const told: TransferProgress[] = [];
  const checkpoints: number[] = [];
  const clock = { now: () => now, after: () => () => undefined };
  const subject = { transferId: 1, messageId: 1, conversationId: 1, size: 1000 };
  const meter = new ProgressMeter(subject, clock, {
    tell: (progress) => told.push(progress),
    checkpoint: (octets) => checkpoints.push(octets),
  });
  now += 500;
  meter.update(100);
  now -= 3_600_000;
  meter.update(200);
  now += 1000;
  meter.update(300);
  expect(told.map(({ transferred }) => transferred)).toEqual([100, 200, 300]);
  expect(told.at(-1)).toMatchObject({ rate: 100, secondsLeft: 7 });
  expect(checkpoints).toEqual([300]);
});
