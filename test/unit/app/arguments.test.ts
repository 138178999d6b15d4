import { expect, it } from 'vitest';
import { parseArguments } from '../../../electron/app/arguments.ts';

const NONE = { accounts: [], demo: null, fresh: false, userData: null, demoPort: null, port: null, json: false };

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

it('takes as many accounts as there are, and the demo with or without', () => {
  expect(parseArguments(['--account', 'a.json', '--account=b.json', '--demo'], 'refuse')).toEqual({
    ...NONE,
    accounts: ['a.json', 'b.json'],
    demo: true,
  });
  expect(parseArguments(['--no-demo'], 'refuse')).toEqual({ ...NONE, demo: false });
});

it('ignores the switches of Chromium and the app folder where they are expected', () => {
  const argv = ['--no-sandbox', '--remote-debugging-port=0', '.', '--account', 'a.json', '--inspect=0'];
  expect(parseArguments(argv, 'ignore')).toEqual({ ...NONE, accounts: ['a.json'] });
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
  [['--no-demo', '--fresh']],
  [['--demo=yes']],
])('refuses %j', (argv) => {
  expect(() => parseArguments(argv, 'refuse')).toThrow(expect.objectContaining({ code: 'request.invalid' }));
});
