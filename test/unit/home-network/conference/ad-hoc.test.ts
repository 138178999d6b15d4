import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../../../shared/base/bytes.ts';
import { header } from '../../../../shared/protocol/sip/message.ts';
import { at, FACTORY, GroupDevice, groupNetwork, standing } from './group-device.ts';

const IDS = [
  ['Conversation-ID', '647ee1c4-d096-487d-a16d-ac517a4907b0'],
  ['Contribution-ID', 'e5dd5d0f-f75d-430e-af16-09d356a450a6'],
  ['Subject', 'Saturday climb'],
] as const;

describe('an ad-hoc group', () => {
  it('R-GRP-01 R-GRP-11: is made at the factory, its people are asked, and what one says the others hear', async () => {
    const network = await groupNetwork();
    const [alice, bob, carol] = [
      await GroupDevice.of(network, 'alice'),
      await GroupDevice.of(network, 'bob'),
      await GroupDevice.of(network, 'carol'),
    ];
    const ok = await alice.enter(alice.groupInvite(FACTORY, [at('bob'), at('carol'), at('dave')], IDS));
    expect(ok.status).toBe(200);
    expect(alice.identity).toMatch(/^sip:cpm-conf-[\w-]+@home1\.example$/);
    const [toBob, toCarol] = [await bob.invited(), await carol.invited()];
    expect(header(toBob, 'Contact')).toContain(`<${alice.identity}>;isfocus`);
    await bob.accept(toBob);
    carol.sip.answer(toCarol, 603, 'Decline');
    await alice.say('one');
    await expect.poll(() => bob.heard, { timeout: 15_000 }).toHaveLength(1);
    expect(bob.heard[0]).toMatch(/^From: "Alice" <sip:alice@home1\.example>\r\nTo: <sip:bob@home1\.example>\r\n/);

    expect((await alice.subscribe(alice.identity)).status).toBe(200);
    const { info } = await alice.roster();
    expect(info).toMatchObject({
      entity: alice.identity,
      state: 'full',
      version: 1,
      subject: 'Saturday climb',
      maximumUserCount: 500,
      userCount: 3,
    });
    expect(info.users?.list.map((user) => [user.entity, user.displayText, user.isOwn, standing(user)])).toEqual([
      [at('alice'), 'Alice', true, 'connected dialed-in'],
      [at('bob'), 'Bob', false, 'connected dialed-out'],
      [at('carol'), 'Carol', false, 'disconnected failed'],
      [at('dave'), 'Dave', false, 'pending'],
    ]);
    expect(fromUtf8(toBob.body)).toContain('recipient-list-history');
  });
});
