import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import { header } from '../../shared/protocol/sip/message.ts';
import { sippMissing } from '../harness/sipp.ts';
import { device, start } from '../unit/home-network/start.ts';

const run = promisify(execFile);
const SCENARIO = fileURLToPath(new URL('sipp.xml', import.meta.url));
describe('a foreign peer', () => {
  it.skipIf(sippMissing !== null)(
    `SIPp registers and sends a message${sippMissing === null ? '' : ` (skipped: ${sippMissing})`}`,
    async () => {
      // SIPp 3.6 reads only the first challenge and knows only MD5
      const network = await start({ digest: ['MD5'] });
      const bob = await device(network, 'bob');
      expect((await bob.register({ algorithm: 'MD5' })).status).toBe(200);
      const { host, port } = network.address;
      const flags = ['-t', 't1', '-i', '127.0.0.1', '-m', '1', '-nostdin', '-timeout', '10', '-auth_uri', network.domain];
      const delivered = async (): Promise<void> => {
        const message = await bob.request('MESSAGE', 10_000);
        expect(fromUtf8(message.body).trim()).toBe('hello from SIPp');
        expect(header(message, 'P-Asserted-Identity')).toBe('"Alice \\"A\\"" <sip:alice@home1.example>');
        bob.answer(message, 200, 'OK');
      };
      // SIPp ends with status 0 only when every answer was as its scenario wants
      await Promise.all([run('sipp', [`${host}:${port}`, '-sf', SCENARIO, ...flags]), delivered()]);
    },
  );
});
