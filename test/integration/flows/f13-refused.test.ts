import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Flow, offeredFile, sendFile } from '../../harness/flow/flow-person.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const flow = new Flow(temporaryFolder());
afterEach(() => flow.end());

/** every way in which somebody says no: the octets of F13-05 or F13-06 with another line, and what our person reads of it */
const REFUSALS = [
  ['F13-05.sip', '488 Not Acceptable Here', '', 'declined', 'peer.declined'],
  ['F13-05.sip', '603 Decline', '', 'declined', 'peer.declined'],
  ['F13-05.sip', '488 Not Acceptable Here', 'Warning: 304 home2.example "Media type not available"', 'failed', 'peer.unsupported'],
  ['F13-05.sip', '415 Unsupported Media Type', '', 'failed', 'peer.unsupported'],
  ['F13-05.sip', '480 Temporarily Unavailable', '', 'queued', 'peer.unavailable'],
  ['F13-05.sip', '486 Busy Here', '', 'queued', 'peer.unavailable'],
  ['F13-06.sip', '403 Forbidden', '', 'failed', 'peer.too-large'],
  ['F13-06.sip', '403 Forbidden', 'Warning: 399 home2.example "nothing is taken here"', 'failed', 'peer.not-allowed'],
  ['F13-05.sip', '404 Not Found', '', 'failed', 'peer.unknown'],
] as const;

describe('F13: a file is refused', () => {
  test('by us', async () => {
    const { peer, person } = await flow.start('alice', { host: '203.0.113.20', port: 20_720 });
    peer.binds(peer.registration, { instance: 'urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6' });
    peer.plays('F13-01.sip');
    await peer.takes('F13-02.sip');
    await person.call['transfers.decline']({ transferId: await offeredFile(person, 'notes.pdf') });
    await peer.takes('F13-03.sip');
    peer.plays('F13-04.sip');
    await person.seesMessage((message) => message.transfer?.state === 'declined');
    expect(peer.differences).toEqual([]);
  });

  test.each(REFUSALS)('by the other side: %s, %s, %s: %s', async (name, status, warning, state, code) => {
    const { peer, person } = await flow.start('alice', { host: '203.0.113.20', port: 20_700 });
    const imdnId = await sendFile(person, 'sip:bob@home2.example', join(flow.folder, 'notes.pdf'), Buffer.alloc(9000, 1));
    const invite = await peer.takesAny('INVITE');
    peer.binds(invite, { branch: 'z9hG4bK9aace50fbc13', tag: '2c81298d', call: '85957f019853fff7@192.0.2.10', sentBy: '192.0.2.10:5060' });
    const refuse = async () => {
      peer.plays(name, (text) => {
        const other = text.replace(/^SIP\/2\.0 .*/, `SIP/2.0 ${status}`);
        return warning === '' ? other : other.replace(/(Warning: .*\r\n)?Content-Length/, `${warning}\r\nContent-Length`);
      });
      await peer.takesAny('ACK');
    };
    await refuse();
    if (status.startsWith('415')) {
      // once more, with nothing beside the offer (cpm.md section 15.2)
      const second = await peer.takesAny('INVITE');
      peer.binds(second, {
        branch: 'z9hG4bK9aace50fbc13',
        tag: '2c81298d',
        call: '85957f019853fff7@192.0.2.10',
        sentBy: '192.0.2.10:5060',
      });
      await refuse();
    }
    const { transfer } = await person.seesMessage(
      (message) => message.imdnId === imdnId && message.transfer?.state === state && message.transfer.error !== null,
    );
    expect(transfer?.error?.code).toBe(code);
  });
});
