import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../../shared/base/bytes.ts';
import { ManualClock } from '../../../harness/manual-clock.ts';
import { networkDatabases } from '../../../harness/network-databases.ts';
import { temporaryFolder } from '../../../harness/temporary-folder.ts';
import { at, FACTORY, GroupDevice, groupNetwork, IDS, wait } from './group-device.ts';

const temporary = temporaryFolder();

describe('rules of what is said in a group', () => {
  it('R-PF-06: what the operator forbids is refused with 403, small or large, and nobody hears it', async () => {
    const network = await groupNetwork({ policy: { forbiddenWords: ['avalanche'] } });
    const [alice, bob] = await GroupDevice.all(network, ['alice', 'bob']);
    await alice.enter(alice.groupInvite(FACTORY, [at('bob')], IDS));
    await bob.accept(await bob.invited());
    await expect(alice.say('an Avalanche!')).rejects.toMatchObject({ code: 'msrp.refused', detail: '403 Content not allowed' });
    await expect(alice.say(`${'x'.repeat(200)} `.repeat(300).concat('avalanche'))).rejects.toMatchObject({ code: 'msrp.refused' });
    await alice.say('a-fine-day');
    await expect.poll(() => bob.heard.length, wait).toBe(1);
    expect(bob.heard[0]).toMatch(/a-fine-day$/);
  });

  it('R-PF-27: what ends while the network does not run is told to its author, though nobody has asked for the group since', async () => {
    const clock = new ManualClock();
    const databases = networkDatabases(join(temporary, 'ended'));
    const first = await groupNetwork({ databases, clock, policy: { maxExpiry: 60 } });
    const [alice, bob] = await GroupDevice.all(first, ['alice', 'bob']);
    await alice.enter(alice.groupInvite(FACTORY, [at('bob')], IDS));
    await bob.accept(await bob.invited());
    expect((await bob.back('BYE', [['Reason', 'SIP;cause=480;text="away"']])).status).toBe(200);
    const head = [`From: <${at('alice')}>`, 'To: <sip:anonymous@anonymous.invalid>', 'NS: imdn <urn:ietf:params:imdn>'];
    const asked = [
      'imdn.Message-ID: m1',
      'imdn.Disposition-Notification: positive-delivery, negative-delivery',
      'DateTime: 2026-03-02T11:00:00Z',
    ];
    const source = utf8([...head, ...asked, '', 'Content-Type: text/plain', '', 'nobody comes'].join('\r\n'));
    await alice.session.send({ contentType: 'message/cpim', source, successReport: false });
    await first.close();

    await clock.advance(61_000);
    const second = await groupNetwork({ databases, clock, policy: { maxExpiry: 60 } });
    // its timer is over before anybody is here
    await clock.advance(1);
    const again = await GroupDevice.of(second, 'alice');
    await again.enter(again.groupInvite(alice.identity, null));
    await expect.poll(() => again.heard.length, wait).toBe(1);
    expect(again.heard[0]).toMatch(/<message-id>m1<\/message-id>.*<failed\/>/s);
  });
});
