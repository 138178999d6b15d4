import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8Locale } from '../../../build/bootstrap/launch.mjs';
import { isFittingNode } from '../../../build/bootstrap/node.mjs';
import { fingerprint, isStamped, stamp } from '../../../build/bootstrap/stamp.mjs';
import { inRepository } from '../../../build/entries.ts';
import { suitesIn } from '../../../build/lib/suites.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-bootstrap-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('isFittingNode', () => {
  it.each(['22.18.0', '22.21.1', '24.0.0', '30.1.2'])('takes %s', (version) => {
    expect(isFittingNode(version)).toBe(true);
  });

  it.each(['18.20.0', '20.20.2', '22.17.9', '0.0'])('refuses %s', (version) => {
    expect(isFittingNode(version)).toBe(false);
  });
});

describe('utf8Locale', () => {
  it.each([
    [{}, { LC_CTYPE: 'C.UTF-8' }],
    [{ LANG: 'C' }, { LC_CTYPE: 'C.UTF-8' }],
    [{ LC_ALL: 'POSIX', LANG: 'de_DE.UTF-8' }, { LC_ALL: 'C.UTF-8' }],
    [{ LANG: 'de_DE.UTF-8' }, {}],
    [{ LC_ALL: 'en_GB.utf8' }, {}],
  ])('of %j adds %j', (environment, added) => {
    expect(utf8Locale(environment, 'linux')).toEqual(added);
  });

  it('leaves other systems alone', () => {
    expect(utf8Locale({}, 'darwin')).toEqual({});
  });
});

describe('fingerprint', () => {
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, name), text);
    utimesSync(join(folder, name), 1000, 1000);
  };

  it('stays while nothing changes, and changes with every kind of change', () => {
    mkdirSync(join(folder, 'a'));
    write('a/one.ts', 'one');
    const seen = [fingerprint([folder])];
    expect(fingerprint([folder])).toBe(seen[0]);
    const changes = [
      () => write('a/two.ts', ''),
      () => write('a/one.ts', 'longer'),
      () => utimesSync(join(folder, 'a/one.ts'), 2000, 2000),
      () => rmSync(join(folder, 'a/two.ts')),
    ];
    for (const change of changes) {
      change();
      seen.push(fingerprint([folder]));
    }
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('is there for a path that is not', () => {
    expect(fingerprint([join(folder, 'nowhere')])).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('a stamp', () => {
  it('holds for its value alone', () => {
    const file = join(folder, 'deep', 'stamp');
    expect(isStamped(file, 'x')).toBe(false);
    stamp(file, 'x');
    expect(isStamped(file, 'x')).toBe(true);
    expect(isStamped(file, 'y')).toBe(false);
  });
});

describe('suitesIn', () => {
  it('takes every folder that claims to be a suite, fast ones first, also one that has no test', () => {
    for (const name of ['e2e', 'wire', 'unit', 'another', 'harness', 'bench', 'conformance', 'property', 'empty']) {
      mkdirSync(join(folder, name));
      if (name !== 'empty') writeFileSync(join(folder, name, 'something.ts'), '');
    }
    expect(suitesIn(folder)).toEqual(['unit', 'property', 'another', 'wire', 'e2e']);
  });
});

describe('the command line', () => {
  it.each([[], ['nonsense'], ['run'], ['run', 'nonsense']])('says how it is used, on stderr: %j', (...args) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [inRepository('build/bootstrap.mjs'), ...args], { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^parley: Usage: .*start\|test\|run/);
  });
});
