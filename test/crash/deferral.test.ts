import { expect, test } from 'vitest';
import { killDeferral } from '../harness/deferral-kills.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const KILLS = 8;
const folder = temporaryFolder();

/** `npm run bench -- deferral-kills` does it 200 times */
test(`R-PF-23 the home network is killed ${KILLS} times while it defers and delivers texts and files: nothing that it accepted is lost or shown twice`, async () => {
  const killed = await killDeferral(folder, { kills: KILLS, seed: 5 });
  console.log(`${killed.accepted} accepted, ${killed.repeated} repeated after a kill, ${killed.interrupted} kills under way`);
  expect(killed).toMatchObject({ kills: KILLS, lost: 0, missing: [], shownTwice: 0, repeatedAlive: 0, left: [], quickCheck: 'ok' });
  expect(killed.large).toBeGreaterThan(0);
  expect(killed.files).toBeGreaterThan(0);
  expect(killed.interrupted).toBeGreaterThan(0);
}, 180_000);
