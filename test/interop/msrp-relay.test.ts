import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Kamailio, kamailioMissing } from '../harness/kamailio.ts';
import { KamailioPeople, offer, write } from '../harness/kamailio-people.ts';
import { freePort } from '../harness/ports.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import type { Person } from '../harness/two-people.ts';

const title = `through Kamailio's MSRP relay (RFC 4976)${kamailioMissing === null ? '' : ` (skipped: ${kamailioMissing})`}`;
const LARGE = 'The survey of the east ridge took four days. '.repeat(400);

describe.skipIf(kamailioMissing !== null).each(['127.0.0.1', '::1'] as const)(`${title}, at %s`, (host) => {
  const folder = temporaryFolder();
  let core: Kamailio;
  let people: KamailioPeople;
  /** behind the relay */
  let alice: Person;
  let bob: Person;
  /** without one */
  let carol: Person;
  const taps: Record<string, string[]> = { alice: [], bob: [], carol: [] };

  beforeAll(async () => {
    core = await Kamailio.start({ digest: 'SHA-256', host });
    people = new KamailioPeople(core, folder);
    const tapped = (user: 'alice' | 'bob' | 'carol') => ({
      sipTap: (direction: 'in' | 'out', octets: Uint8Array) => taps[user]?.push(`${direction} ${Buffer.from(octets).toString()}`),
    });
    alice = await people.join('alice', { msrpRelay: core.relay }, tapped('alice'));
    bob = await people.join('bob', { msrpRelay: core.relay }, tapped('bob'));
    carol = await people.join('carol', {}, tapped('carol'));
  }, 60_000);
  afterAll(async () => {
    await people?.close();
    await core?.stop();
  });

  const everyPair = () =>
    [
      [alice, bob],
      [alice, carol],
      [carol, bob],
    ] as const;

  test('a large message arrives, and is delivered, with the relay at either end or at both', async () => {
    for (const [from, to] of everyPair()) {
      const text = `${from.address} ${LARGE}`;
      const imdnId = await write(from, to, text);
      await to.seesMessage((message) => message.imdnId === imdnId && message.text === text, 30_000);
      await from.seesMessage((message) => message.imdnId === imdnId && message.status === 'delivered', 30_000);
    }
    const offered = taps['alice']?.find((text) => text.startsWith('out INVITE')) ?? '';
    const where = core.host === '::1' ? '[::1]' : core.host;
    expect(offered).toContain(`m=message ${core.relayPort} TCP/TLS/MSRP *\r\n`);
    expect(offered).toContain(`c=IN IP${core.host === '::1' ? 6 : 4} ${core.host}\r\n`);
    expect(offered).toContain(`a=path:msrps://${where}:${core.relayPort}/s.`);
    expect(offered).toMatch(/a=path:msrps:\S+;tcp msrps:\S+:9\/\w{20};tcp\r\n/);
  }, 120_000);

  test('a chat session opens and carries texts and notifications both ways, with the relay at either end or at both', async () => {
    for (const person of [alice, bob, carol]) await person.call['settings.change']({ preferredMode: 'session' });
    for (const [from, to] of everyPair()) {
      const invites = taps[userOf(from)]?.length ?? 0;
      const first = await write(from, to, `hello from ${from.address}`);
      await from.seesMessage((message) => message.imdnId === first && message.status === 'delivered', 30_000);
      const back = await write(to, from, `hello from ${to.address}`);
      await to.seesMessage((message) => message.imdnId === back && message.status === 'delivered', 30_000);
      const since = taps[userOf(from)]?.slice(invites) ?? [];
      expect(since.filter((text) => text.startsWith('out INVITE')).length).toBeGreaterThan(0);
      expect(since.filter((text) => /^(out|in) MESSAGE/.test(text))).toEqual([]);
    }
    for (const person of [alice, bob, carol]) await person.call['settings.change']({ preferredMode: 'automatic' });
  }, 120_000);

  test('a file arrives whole, with the relay at either end or at both', async () => {
    const content = randomBytes(8 << 20);
    const path = join(folder, 'ridge.bin');
    await writeFile(path, content);
    for (const [from, to] of everyPair()) {
      const imdnId = await offer(from, to, path);
      const offered = await to.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'offered', 30_000);
      await to.call['transfers.accept']({ transferId: offered.transfer?.id as number });
      const done = await to.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'done', 60_000);
      expect(hash(await readFile(to.saved(done)))).toBe(hash(content));
      await from.seesMessage((message) => message.imdnId === imdnId && message.status === 'delivered', 30_000);
    }
  }, 180_000);

  test('50 MiB arrive whole through the relay at both ends', async () => {
    const path = join(folder, 'survey.bin');
    const wanted = await writeRandom(path, 50 << 20);
    const imdnId = await offer(alice, bob, path);
    const offered = await bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'offered', 60_000);
    await bob.call['transfers.accept']({ transferId: offered.transfer?.id as number });
    const done = await bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'done', 240_000);
    expect(done.transfer?.size).toBe(50 << 20);
    expect(hash(await readFile(bob.saved(done)))).toBe(wanted);
    await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'delivered', 60_000);
  }, 400_000);
});

describe.skipIf(kamailioMissing !== null)('a relay that does not help', () => {
  const folder = temporaryFolder();
  let core: Kamailio;
  let people: KamailioPeople;
  let bob: Person;

  beforeAll(async () => {
    core = await Kamailio.start({ digest: 'SHA-256' });
    people = new KamailioPeople(core, folder);
    bob = await people.join('bob');
  }, 60_000);
  afterAll(async () => {
    await people?.close();
    await core?.stop();
  });

  test('a relay that is not there: what needs it waits, what does not leaves', async () => {
    const alice = await people.join('alice', { msrpRelay: `msrps://127.0.0.1:${await freePort('127.0.0.1')};tcp` });
    const path = join(folder, 'ridge.bin');
    await writeFile(path, randomBytes(5000));
    const large = await write(alice, bob, LARGE);
    const file = await offer(alice, bob, path);
    const short = await write(alice, { address: `sip:carol@${Kamailio.domain}` }, 'does not need it');
    const waits = (imdnId: string) =>
      alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'queued' && message.error !== null, 60_000);
    expect((await waits(large)).error?.code).toBe('relay.unreachable');
    expect((await waits(file)).error?.code).toBe('relay.unreachable');
    await alice.seesMessage((message) => message.imdnId === short && message.status === 'sent', 60_000);
  }, 120_000);
});

/** @returns the SHA-256 of what was written */
async function writeRandom(path: string, size: number): Promise<string> {
  const content = randomBytes(size);
  await writeFile(path, content);
  return hash(content);
}

function userOf({ address }: Person): string {
  return address.slice('sip:'.length, address.indexOf('@'));
}

function hash(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}
