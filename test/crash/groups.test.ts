import { expect, test } from 'vitest';
import { killGroup } from '../harness/group-kills.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const KILLS = 5;
const folder = temporaryFolder();

test(`the home network is killed ${KILLS} times while people talk in a group: nothing that it took is lost, nothing comes twice from one that ran on, all hear one order`, async () => {
  const killed = await killGroup(folder, { kills: KILLS, seed: 6 });
  console.log(`${killed.accepted} accepted, ${killed.repeated} repeated after a kill, ${killed.interrupted} kills under way`);
  expect(killed).toMatchObject({ kills: KILLS, lost: 0, twice: 0, outOfOrder: 0, quickCheck: 'ok' });
  expect(killed.accepted).toBeGreaterThan(0);
  expect(killed.interrupted).toBeGreaterThan(0);
}, 120_000);
