import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { randomToken } from '../../../shared/base/random.ts';
import { NO_THUMBNAIL, PLAIN_FILE, throughTheNetwork } from '../../harness/flow/example-peer.ts';
import { Flow, offeredFile } from '../../harness/flow/flow-person.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { exampleOctets } from '../../vectors/example.ts';

const flow = new Flow(temporaryFolder());
afterEach(() => flow.end());

/** of the octets of F11-01, without any codec of ours */
const ICON = (/Content-Disposition: icon\r\n.*\r\n\r\n([A-Za-z0-9+/=\r\n]+?)\r\n--/.exec(
  Buffer.from(exampleOctets('F11-01.sip')).toString('latin1'),
)?.[1] ?? '') as string;
const PNG = Buffer.from(ICON, 'base64');

describe('F11: the thumbnail', () => {
  test('R-FT-11 R-FT-12: we send it as the example does, once OPTIONS was answered as in F23', async () => {
    const { peer, person } = await flow.start('alice', { host: '203.0.113.20', port: 20_700 });
    const path = join(flow.folder, 'ridge "east".jpg');
    await writeFile(path, Buffer.alloc(5000, 1));
    const { id } = await person.call['conversations.open']({ address: 'sip:bob@home2.example' });
    const { token } = await person.client.offerFile(path);
    await person.call['files.thumbnail']({ token, octets: PNG.toString('base64') });
    await person.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    const invite = await peer.takes('F11-01.sip', [
      ...PLAIN_FILE,
      { why: 'of one file only, and nothing refers to it', missing: /^cpim\.head\|Content-ID: / },
    ]);
    expect(peer.asides).toContain('OPTIONS');
    expect(invite).toContain(`\r\n\r\n${ICON}\r\n--`);
    const cid = /a=file-icon:cid:(\S+)/.exec(invite)?.[1];
    expect(invite).toContain(`Content-ID: <${cid}>\r\nContent-Disposition: icon`);
    // the hash is that of another file
    expect(peer.differences.filter((line) => !line.includes('a=file-selector:'))).toEqual([]);
  });

  test('R-FTR-01: the one of the example is shown before the file is accepted', async () => {
    const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_030 });
    await person.call['conversations.open']({ address: 'sip:alice@home1.example' });
    peer.plays('F11-01.sip', throughTheNetwork);
    await peer.takes('F11-02.sip');
    const id = await offeredFile(person, 'ridge _east_.jpg');
    const shown = await person.client.picture({ what: 'thumbnail', id });
    expect(shown).toMatchObject({ type: 'image/png', width: 16, height: 12 });
    expect(Buffer.from((shown as { octets: Uint8Array }).octets).equals(PNG)).toBe(true);
  });

  test('R-FT-11: without one the same offer goes without', async () => {
    const { peer, person } = await flow.start('alice', { host: '203.0.113.20', port: 20_700 });
    const path = join(flow.folder, 'ridge "east".jpg');
    await writeFile(path, Buffer.alloc(5000, 1));
    const { id } = await person.call['conversations.open']({ address: 'sip:bob@home2.example' });
    const { token } = await person.client.offerFile(path);
    await person.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    await peer.takes('F11-01.sip', [...PLAIN_FILE, ...NO_THUMBNAIL]);
    expect(peer.asides).not.toContain('OPTIONS');
    expect(peer.differences.filter((line) => !line.includes('a=file-selector:'))).toEqual([]);
  });
});
