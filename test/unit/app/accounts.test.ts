import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAccount, readAccountFile } from '../../../electron/app/accounts.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const folder = temporaryFolder();
const GOOD = {
  address: 'sip:alice@example.com',
  user: 'alice',
  password: 'secret',
  outboundProxy: 'sbc.example.com:5070',
  transport: 'tcp',
};

const parse = (over: object) => parseAccount(JSON.stringify({ ...GOOD, ...over }));

describe('an account file', () => {
  it('gives an account, with what may be left out', () => {
    expect(parse({})).toEqual({ ...GOOD, displayName: 'alice', maxFileSize: 0 });
    expect(parse({ displayName: 'Alice A.', maxFileSize: 5, transport: 'TCP' })).toMatchObject({
      displayName: 'Alice A.',
      maxFileSize: 5,
      transport: 'tcp',
    });
  });

  it.each([
    ['sbc.example.com', 'sbc.example.com:5060'],
    ['sip:sbc.example.com:5070;transport=tcp', 'sbc.example.com:5070'],
    ['sip:10.0.0.1', '10.0.0.1:5060'],
    ['[2001:db8::1]:5080', '[2001:db8::1]:5080'],
  ])('takes the outbound proxy %s', (outboundProxy, expected) => {
    expect(parse({ outboundProxy }).outboundProxy).toBe(expected);
  });

  it.each([
    [{ address: 'alice@example.com' }, /^address: must be like/],
    [{ address: 'sip:alice@example.com\r\nEvil: 1' }, /^address: /],
    [{ address: 7 }, /^address: must be a text/],
    [{ user: '' }, /^user: must not be empty/],
    [{ password: undefined }, /^password: is missing/],
    [{ outboundProxy: 'sbc.example.com:0' }, /^outboundProxy: the port/],
    [{ outboundProxy: 'sbc.example.com:99999' }, /^outboundProxy: the port/],
    [{ outboundProxy: 'http://sbc' }, /^outboundProxy: must be like/],
    [{ outboundProxy: 'sip:sbc;transport=tls' }, /^outboundProxy: the transport/],
    [{ transport: 'udp' }, /^transport: must be "tcp"/],
    [{ maxFileSize: -1 }, /^maxFileSize: must not be negative/],
    [{ maxFileSize: 1.5 }, /^maxFileSize: must be whole/],
    [{ passwort: 'x' }, /^passwort: no such field/],
  ])('refuses %j and names the field', (over, detail) => {
    expect(() => parse(over)).toThrow(expect.objectContaining({ code: 'account.malformed', detail: expect.stringMatching(detail) }));
  });

  it('never shows the password in a refusal', () => {
    for (const over of [{ transport: 'udp' }, { user: 5 }, { password: 'hunter2\u0000' }]) {
      expect(() => parse({ password: 'hunter2', ...over })).toThrow(
        expect.objectContaining({ detail: expect.not.stringContaining('hunter2') }),
      );
    }
  });

  it('is refused with a code, whatever it holds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseAccount(text);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ParleyError);
          expect((thrown as ParleyError).code).toBe('account.malformed');
        }
      }),
    );
  });

  it('is read from a file, with a byte order mark or not; a missing, huge or wrong one is refused', async () => {
    const path = join(folder, 'account.json');
    writeFileSync(path, `\uFEFF${JSON.stringify(GOOD)}`);
    expect((await readAccountFile(path)).user).toBe('alice');
    const huge = join(folder, 'huge.json');
    writeFileSync(huge, ' '.repeat(70_000));
    mkdirSync(join(folder, 'dir.json'));
    for (const [bad, detail] of [
      [huge, /too large/],
      [join(folder, 'dir.json'), /EISDIR/],
      [join(folder, 'none.json'), /ENOENT/],
    ] as const) {
      await expect(readAccountFile(bad)).rejects.toMatchObject({ code: 'account.malformed', detail: expect.stringMatching(detail) });
    }
  });
});
