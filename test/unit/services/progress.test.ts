import { expect, test } from 'vitest';
import { ProgressMeter } from '../../../electron/services/transfers/progress.ts';
import type { TransferProgress } from '../../../shared/model/transfer.ts';
import { ManualClock } from '../../harness/manual-clock.ts';

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

/** what is told of 4 MiB that come in steps of 64 KiB, one a millisecond, of a file of 8 MiB */
function fourMebibytes() {
  const clock = new ManualClock();
  const told: number[] = [];
  const subject = { transferId: 1, messageId: 1, conversationId: 1, size: 8_388_608 };
  const meter = new ProgressMeter(subject, clock, { tell: ({ transferred }) => told.push(transferred), checkpoint: () => undefined });
  for (let octets = 65_536; octets <= 4_194_304; octets += 65_536) {
    clock.advance(1);
    meter.update(octets);
  }
  return { clock, meter, told };
}

test('octets that stop coming are shown to the last of them, in a fifth of a second', () => {
  const { clock, told } = fourMebibytes();
  expect(told).toEqual([65_536]);
  clock.advance(200);
  expect(told).toEqual([65_536, 4_194_304]);
  clock.advance(60_000);
  expect(told).toHaveLength(2);
});

test('nothing is told of a transfer that has stopped', () => {
  const { clock, meter, told } = fourMebibytes();
  meter.stop();
  meter.update(8_388_608);
  clock.advance(60_000);
  expect(told).toEqual([65_536]);
});
