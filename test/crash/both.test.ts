import { expect, test } from 'vitest';
import { killBoth } from '../harness/killing.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const KILLS = 30;
const folder = temporaryFolder();

/** `npm run bench -- kills` does it 200 times */
test(`both ends are killed, ${KILLS} times in all, while they write to each other: nothing lost, nothing twice, in order, both stores sound`, async () => {
  const killed = await killBoth(folder, { kills: KILLS, messages: 150, seed: 11 });
  console.log(`${killed.interrupted} of ${killed.kills} kills came while messages were being handed over; ${killed.seconds.toFixed(0)} s`);
  expect(killed).toMatchObject({
    kills: KILLS,
    lost: 0,
    twice: 0,
    outOfOrder: 0,
    unreported: 0,
    quickCheck: ['ok', 'ok'],
  });
  expect(killed.interrupted).toBeGreaterThan(0);
}, 900_000);
