import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { outcomesOf, type Requirement, standingsOf, type TestOutcome } from '../../../build/lib/conformance.ts';

const row = (overrides: Partial<Requirement> = {}): Requirement => ({
  id: 'R-XY-01',
  section: '1.2',
  group: 'Example',
  text: 'Do it.',
  level: 'SHALL',
  who: 'client',
  check: 'UI shows it',
  wire: false,
  ...overrides,
});
const outcome = (name: string, file = 'unit/x.test.ts', passed = true): TestOutcome => ({ file, name, passed });
const one = (requirement: Requirement, ...outcomes: TestOutcome[]) => standingsOf([requirement], outcomes).standings.get(requirement.id);

describe('standingsOf', () => {
  it('proves a row by a passed test that names it', () => {
    expect(one(row(), outcome('R-XY-01: does it'))).toMatchObject({
      status: 'proven',
      tests: ['unit/x.test.ts > R-XY-01: does it'],
    });
  });

  it('leaves a row unproven that no test names', () => {
    expect(one(row(), outcome('does something'))).toMatchObject({ status: 'unproven', tests: [], reason: 'no test names it' });
  });

  it('finds several ids in one name, each once', () => {
    const { standings } = standingsOf([row(), row({ id: 'R-XY-02' })], [outcome('R-XY-01, R-XY-02 (and R-XY-01 again)')]);
    expect([...standings.values()].map(({ status, tests }) => [status, tests.length])).toEqual([
      ['proven', 1],
      ['proven', 1],
    ]);
  });

  it('does not take an id out of a longer one', () => {
    expect(one(row(), outcome('XR-XY-01 does it'))?.status).toBe('unproven');
    expect(standingsOf([row()], [outcome('R-XY-011 does it')]).unknown).toHaveLength(1);
  });

  it('leaves a row unproven when any test that names it did not pass', () => {
    const standing = one(row(), outcome('R-XY-01 a'), outcome('R-XY-01 b', 'e2e/y.test.ts', false));
    expect(standing).toMatchObject({ status: 'unproven', reason: 'did not pass: e2e/y.test.ts > R-XY-01 b' });
  });

  it('proves a row that is observable on the wire only by a test of captured traffic', () => {
    const wire = row({ wire: true });
    expect(one(wire, outcome('R-XY-01 a', 'integration/x.test.ts'))?.status).toBe('unproven');
    expect(one(wire, outcome('R-XY-01 a', 'wire/x.test.ts'))?.status).toBe('proven');
    expect(one(wire, outcome('R-XY-01 a', 'unit/wire/x.test.ts'))?.status).toBe('unproven');
  });

  it('gives a superseded row its own status, proven or not', () => {
    const standing = one(row({ check: 'as before; superseded by 000 init(2)' }), outcome('R-XY-01 a'));
    expect(standing).toMatchObject({ status: 'superseded', reason: 'superseded by 000 init(2)' });
  });

  it('reports ids that no row has', () => {
    expect(standingsOf([row()], [outcome('R-XY-99 a')]).unknown).toEqual(['R-XY-99 in unit/x.test.ts > R-XY-99 a']);
  });
});

describe('outcomesOf', () => {
  it('reads paths of both kinds of systems', () => {
    const tests = [{ fullName: 'a', status: 'passed' }];
    const files = ['/home/me/test/parley/test/wire/a.test.ts', 'C:\\parley\\test\\e2e\\b.test.ts'];
    const report = { success: true, testResults: files.map((name) => ({ name, status: 'passed', assertionResults: tests })) };
    expect(outcomesOf(report).map(({ file }) => file)).toEqual(['wire/a.test.ts', 'e2e/b.test.ts']);
  });
});

describe('requirements.json', () => {
  const rows: Requirement[] = JSON.parse(readFileSync(new URL('../../conformance/requirements.json', import.meta.url), 'utf8'));

  it('has every row once and complete', () => {
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    expect(rows).toHaveLength(343);
    for (const requirement of rows) {
      expect(requirement).toEqual({
        id: expect.stringMatching(/^R-[A-Z][A-Z0-9]*-\d+$/),
        section: expect.stringMatching(/./),
        group: expect.stringMatching(/./),
        text: expect.stringMatching(/./),
        level: expect.stringMatching(/^(?:SHALL|SHALL NOT|SHOULD|MAY|FEATURE|NOTE)$/),
        who: expect.stringMatching(/./),
        check: expect.stringMatching(/./),
        wire: expect.any(Boolean),
      });
    }
  });

  it('sends every check by tshark to the wire', () => {
    expect(rows.filter(({ check, wire }) => check.includes('tshark') && !wire)).toEqual([]);
  });
});
