import { expect, it } from 'vitest';
import { parseArguments } from '../../../electron/app/arguments.ts';

const NONE = { account: null, fresh: false, userData: null, demoPort: null, port: null, json: false };

it('reads options with their values, joined or apart', () => {
  expect(parseArguments([], 'refuse')).toEqual(NONE);
  expect(parseArguments(['--fresh', '--demo-port', '5070', '--user-data=/x=y', '--json', '--port=0'], 'refuse')).toEqual({
    ...NONE,
    fresh: true,
    demoPort: 5070,
    userData: '/x=y',
    json: true,
    port: 0,
  });
});

it('ignores the switches of Chromium and the app folder where they are expected', () => {
  const argv = ['--no-sandbox', '--remote-debugging-port=0', '.', '--account', 'a.json', '--inspect=0'];
  expect(parseArguments(argv, 'ignore')).toEqual({ ...NONE, account: 'a.json' });
});

it.each([
  [['--account']],
  [['--account', '--fresh']],
  [['--account=']],
  [['--demo-port', '65536']],
  [['--demo-port', '-1']],
  [['--demo-port', '0x10']],
  [['--fresh=yes']],
  [['--freshh']],
  [['.']],
  [['--account', 'a.json', '--fresh']],
  [['--account', 'a.json', '--demo-port', '1']],
])('refuses %j', (argv) => {
  expect(() => parseArguments(argv, 'refuse')).toThrow(expect.objectContaining({ code: 'request.invalid' }));
});
