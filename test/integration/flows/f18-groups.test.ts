import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { transferCard } from '../../../renderer/features/files/transfer-card.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { OWN_NOTIFICATIONS, PLAIN_FILE } from '../../harness/flow/example-peer.ts';
import { Flow, sendFile } from '../../harness/flow/flow-person.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const flow = new Flow(temporaryFolder());
afterEach(() => flow.end());

const GROUP = 'sip:cpm-conf-7f3a91@cf.home1.example';
const FACTORY = 'sip:conference-factory@home1.example';
const HERE = { host: '203.0.113.20', port: 20_999 };
/** the octets of plan.png are in no example */
const PLAN = Buffer.alloc(2000, 'plan');
const ANOTHER_HASH = [
  {
    why: 'a file of the same name, type and size',
    extra: /\|a=file-selector:name:"plan\.png" type:image\/png size:2000 hash:sha-1:/,
    missing: /\|a=file-selector:name:"plan\.png"/,
  },
];

describe('F18: a file for several people', () => {
  test('a group that takes no files', async () => {
    const { peer, person } = await flow.start('alice', HERE, { account: { groups: [{ address: GROUP, name: 'Climbing club' }] } });
    const imdnId = await sendFile(person, GROUP, join(flow.folder, 'plan.png'), PLAN);
    await peer.takes('F18-01.sip', [...PLAIN_FILE, ...OWN_NOTIFICATIONS, ...ANOTHER_HASH]);
    peer.plays('F18-02.sip');
    await peer.takes('F18-03.sip', [{ why: 'hops', extra: /^head\|Route: / }]);
    const { transfer } = await person.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'failed');
    if (transfer === null) throw new Error('no file');
    expect(transferCard(transfer, { transferred: 0, rate: 0, secondsLeft: null }, 'Climbing club').line).toBe(
      'Not transferred · This group does not take files',
    );
    expect(peer.differences).toEqual([]);
  });

  test('a list of people', async () => {
    const { peer, person } = await flow.start('alice', HERE, { account: { listServer: FACTORY } });
    const path = join(flow.folder, 'plan.png');
    await writeFile(path, PLAN);
    const { id } = await person.call['conversations.openList']({ addresses: ['sip:bob@home2.example', 'sip:carol@home1.example'] });
    const { token } = await person.client.offerFile(path);
    await person.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    await peer.takes('F18-04.sip', [...PLAIN_FILE, ...OWN_NOTIFICATIONS, ...ANOTHER_HASH]);
    expect(peer.differences).toEqual([]);
  });
});
