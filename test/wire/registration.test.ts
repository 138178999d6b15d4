import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance, type Dissection } from '../harness/tshark.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';

const hindrance = captureHindrance();
/** seconds */
const GRANTED = 10;
const ALGORITHMS = ['MD5', 'SHA-256'] as const;

describe.skipIf(hindrance !== null)('registrars of several kinds as tshark sees them', () => {
  const folder = temporaryFolder();
  const networks: TwoPeople[] = [];
  let wire: Dissection;
  /** the same, by a tshark that has been told wrong passwords */
  let doubted: Dissection;
  let shortLived: TwoPeople;

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    shortLived = await twoPeople(join(folder, 'short'), { network: { timing: { minExpires: 1, maxExpires: GRANTED } } });
    networks.push(shortLived);
    for (const algorithm of ALGORITHMS) networks.push(await twoPeople(join(folder, algorithm), { network: { digest: [algorithm] } }));
    const { alice } = shortLived;
    const first = await alice.sees('registration.changed', (state) => state.kind === 'registered');
    await alice.sees(
      'registration.changed',
      (state) => state.kind === 'registered' && first.kind === 'registered' && state.expiresAt > first.expiresAt,
    );
    await Promise.all(networks.map((people) => people.close()));
    const people = ['alice', 'bob'].map((user) => shortLived.accountOf(user));
    wire = (await capture.stop())
      .treatAs(
        'sip',
        networks.map(({ networkPort }) => networkPort),
      )
      .checkDigests(people, 'parley.example');
    doubted = wire.again().checkDigests(
      people.map(({ user }) => ({ user, password: 'another one' })),
      'parley.example',
    );
  }, 240_000);
  afterAll(async () => {
    for (const people of networks) await people.close();
  });

  const onlyOf = (people: TwoPeople) => `tcp.port==${people.networkPort}`;

  test('no packet is malformed', async () => {
    for (const people of networks) {
      expect(await wire.count(`${onlyOf(people)} && sip`)).toBeGreaterThan(8);
      expect(await wire.count(`${onlyOf(people)} && (_ws.malformed || _ws.expert.severity == "error")`)).toBe(0);
    }
  });

  test('R-REG-10: the registration is renewed before it expires, by the same Call-ID and a higher CSeq', async () => {
    const registers = await wire.fields(
      `${onlyOf(shortLived)} && sip.Method=="REGISTER" && sip.to.user=="alice" && !(sip.Contact contains "expires=0") && sip.Authorization`,
      'sip.Call-ID',
      'sip.CSeq.seq',
      'frame.time_epoch',
      'sip.Contact',
    );
    expect(registers.length).toBeGreaterThanOrEqual(2);
    const [[callId, sequence, at, contact], [sameCallId, nextSequence, later, sameContact]] = registers as [string[], string[]];
    expect(sameCallId).toBe(callId);
    expect(Number(nextSequence)).toBeGreaterThan(Number(sequence));
    expect(sameContact).toBe(contact);
    const granted = await wire.fields(
      `${onlyOf(shortLived)} && sip.Status-Code==200 && sip.CSeq.method=="REGISTER" && sip.Call-ID=="${callId}"`,
      'sip.contact.parameter',
      'sip.CSeq.seq',
    );
    expect(granted[0]?.[0]).toContain(`expires=${GRANTED}`);
    expect(granted[0]?.[1]).toBe(sequence);
    expect(granted[1]?.[1]).toBe(nextSequence);
    expect(Number(later) - Number(at)).toBeLessThan(GRANTED);
  });

  test.each(ALGORITHMS)('R-REG-01: a registrar that knows nothing but %s is answered with it, and says 200', async (algorithm) => {
    const people = networks[1 + ALGORITHMS.indexOf(algorithm)] as TwoPeople;
    const challenges = await wire.fields(`${onlyOf(people)} && sip.Status-Code==401`, 'sip.WWW-Authenticate');
    expect(challenges.length).toBeGreaterThan(0);
    for (const [challenge] of challenges) expect(challenge).toMatch(new RegExp(`algorithm="?${algorithm}\\b`));
    const answers = await wire.fields(`${onlyOf(people)} && sip.Authorization`, 'sip.Authorization', 'sip.Call-ID', 'sip.CSeq.seq');
    expect(answers.length).toBeGreaterThanOrEqual(2);
    for (const [credentials, callId, sequence] of answers) {
      expect(credentials).toMatch(new RegExp(`algorithm="?${algorithm}\\b`));
      expect(credentials).toMatch(algorithm === 'MD5' ? /response="[0-9a-f]{32}"/ : /response="[0-9a-f]{64}"/);
      const good = `sip.Status-Code==200 && sip.Call-ID=="${callId}" && sip.CSeq.seq==${sequence}`;
      expect(await wire.count(`${onlyOf(people)} && ${good}`)).toBe(1);
    }
  });

  test('R-REG-01: the MD5 digests are those that tshark works out', async () => {
    const answers = `${onlyOf(networks[1] as TwoPeople)} && sip.Authorization`;
    const wrong = `${answers} && sip.authorization.invalid`;
    expect(await wire.count(wrong)).toBe(0);
    expect(await doubted.count(wrong)).toBe(await wire.count(answers));
  });
});
