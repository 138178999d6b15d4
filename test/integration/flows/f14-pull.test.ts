import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { randomToken } from '../../../shared/base/random.ts';
import { OWN_NOTIFICATIONS, PLAIN_FILE, throughTheNetwork } from '../../harness/flow/example-peer.ts';
import { payloadOf } from '../../harness/flow/example-script.ts';
import { Flow } from '../../harness/flow/flow-person.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { exampleOctets } from '../../vectors/example.ts';

const flow = new Flow(temporaryFolder());
afterEach(() => flow.end());

/** the file inside of its wrapper, by the plainest means */
const WRAPPED = Buffer.concat(['F14-06.msrp', 'F14-08.msrp'].map((name) => payloadOf(exampleOctets(name))));
const SUMMIT = WRAPPED.subarray(WRAPPED.length - 3100);
const NO_LIMIT = [{ why: 'this account has no limit', missing: /^sdp\.1\|a=max-size:/ }];

describe('F14: somebody is asked for a file', () => {
  test('we ask, and get it inside of message/cpim', async () => {
    const { peer, person } = await flow.start('alice', { host: '203.0.113.20', port: 20_730 });
    const { id } = await person.call['conversations.open']({ address: 'sip:bob@home2.example' });
    const { imdnId } = await person.call['files.request']({
      conversationId: id,
      clientId: randomToken(24),
      name: 'summit.jpg',
      type: 'image/jpeg',
      size: 3100,
      hash: createHash('sha1').update(SUMMIT).digest('hex'),
    });
    await peer.takes('F14-01.sip', [...PLAIN_FILE, ...OWN_NOTIFICATIONS, ...NO_LIMIT]);
    peer.plays('F14-02.sip');
    await peer.takes('F14-03.sip');
    const line = await peer.accepts();
    await peer.takesLine(line, 'F14-04.msrp');
    peer.sends(line, 'F14-05.msrp');
    peer.sends(line, 'F14-06.msrp');
    peer.sends(line, 'F14-08.msrp');
    await peer.takesLine(line, 'F14-07.msrp');
    await peer.takesLine(line, 'F14-09.msrp');
    const done = await person.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'done');
    expect(await readFile(person.saved(done))).toEqual(SUMMIT);
    await peer.takes('F14-10.sip');
    expect(peer.differences).toEqual([]);
  });

  test('we are asked, and the person gives it', async () => {
    const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_040 });
    peer.plays('F14-01.sip', throughTheNetwork);
    const asked = await person.seesMessage((message) => message.transfer?.state === 'offered' && message.transfer.pull);
    expect(asked.transfer).toMatchObject({ name: 'summit.jpg', type: 'image/jpeg', size: 3100, direction: 'out' });
    const path = join(flow.folder, 'summit.jpg');
    await writeFile(path, SUMMIT);
    const { token } = await person.client.offerFile(path);
    await person.call['transfers.give']({ transferId: asked.transfer?.id as number, token });
    await peer.takes('F14-02.sip', [
      { why: 'optional in an answer', missing: /a=file-disposition:attachment$/ },
      { why: 'a range and a type that are taken', extra: /a=accept-types:/, missing: /a=accept-types:/ },
    ]);
    peer.plays('F14-03.sip');
    const line = await peer.connects('msrp://203.0.113.20:20730/71nUH7keeA8SlIVFHtIq');
    peer.sends(line, 'F14-04.msrp');
    await peer.takesLine(line, 'F14-05.msrp');
    const carried = await peer.takesMessage(
      line,
      ['F14-06.msrp', 'F14-08.msrp'],
      ['F14-07.msrp', 'F14-09.msrp'],
      [
        {
          why: 'raw, because the offer takes the type itself (F14 shows the other form)',
          extra: /^head\|Content-Type: image\/jpeg$/,
          missing: /^head\|Content-Type: message\/cpim$/,
        },
      ],
    );
    peer.reports();
    expect(carried.equals(SUMMIT)).toBe(true);
    peer.plays('F14-10.sip', (text) => text.replace(/Route: .*\r\n/, ''));
    await person.seesMessage((message) => message.id === asked.id && message.transfer?.state === 'done');
    expect(peer.differences).toEqual([]);
  });

  test('we are asked, and the person says no', async () => {
    const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_040 });
    peer.plays('F14-01.sip', throughTheNetwork);
    const asked = await person.seesMessage((message) => message.transfer?.state === 'offered' && message.transfer.pull);
    await person.call['transfers.decline']({ transferId: asked.transfer?.id as number });
    await peer.takesAny('603 INVITE');
    await person.seesMessage((message) => message.id === asked.id && message.transfer?.state === 'declined');
  });
});
