import { expect, test } from 'vitest';
import { killDeferral } from '../harness/deferral-kills.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const KILLS = 8;
const folder = temporaryFolder();

/** `npm run bench -- deferral-kills` does it 200 times */
test(`R-PF-23 the home network is killed ${KILLS} times while it defers and delivers: nothing that it accepted is lost, or comes twice from one that ran on`, async () => {
  const killed = await killDeferral(folder, { kills: KILLS, seed: 5 });
  console.log(`${killed.accepted} accepted, ${killed.repeated} repeated after a kill, ${killed.interrupted} kills under way`);
  expect(killed).toMatchObject({ kills: KILLS, lost: 0, twice: 0, quickCheck: 'ok' });
  expect(killed.accepted).toBeGreaterThan(0);
  expect(killed.interrupted).toBeGreaterThan(0);
}, 180_000);
