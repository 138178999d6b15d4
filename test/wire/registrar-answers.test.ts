import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HomeNetwork, startHomeNetwork } from '../../electron/home-network/index.ts';
import type { Resolver, UserAgent } from '../../electron/sip/port.ts';
import { createUserAgent } from '../../electron/sip/user-agent.ts';
import type { SipRequest } from '../../shared/protocol/sip/message.ts';
import { HeadlessProcess } from '../harness/headless-process.ts';
import { openBrowser } from '../harness/page.ts';
import { type Extra, type ScriptedConnection, ScriptedSipServer } from '../harness/scripted-sip-server.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance, type Dissection } from '../harness/tshark.ts';

const hindrance = captureHindrance();
const DEVICE = 'Alice at desk';

describe.skipIf(hindrance !== null)('what a person asks for, and what registrars answer, as tshark sees it', { timeout: 60_000 }, () => {
  const folder = temporaryFolder();
  const ending: (() => Promise<unknown>)[] = [];
  let wire: Dissection;
  let network: HomeNetwork;
  /** servers that say the same to every first REGISTER */
  const servers: Record<'busy' | 'next' | 'moved' | 'target' | 'plain' | 'brief', ScriptedSipServer> = {} as never;

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    for (const name of ['busy', 'next', 'moved', 'target', 'plain', 'brief'] as const) {
      servers[name] = await ScriptedSipServer.start();
      ending.push(() => servers[name].stop());
    }
    const { busy, next, moved, target, plain, brief } = servers;
    await registers({ at: busy, with: 503, headers: [['Retry-After', '600']] }, next, [busy, next]);
    await registers({ at: moved, with: 302, headers: [['Contact', `<sip:127.0.0.1:${target.port};transport=tcp>`]] }, target, [moved]);
    await registers({ at: plain, with: 420, headers: [['Unsupported', 'gruu']] }, plain, [plain]);
    await registers({ at: brief, with: 423, headers: [['Min-Expires', '7200']] }, brief, [brief]);
    await aPersonAtTheScreen();
    wire = (await capture.stop()).treatAs('sip', [network.address.port, ...Object.values(servers).map(({ port }) => port)]);
  }, 180_000);
  afterAll(async () => {
    for (const end of ending.reverse()) await end();
  });

  interface Said extends Extra {
    readonly at: ScriptedSipServer;
    readonly with: number;
  }

  /** One agent that is answered so, then registered at `last`. */
  async function registers(said: Said, last: ScriptedSipServer, zone: readonly ScriptedSipServer[]): Promise<void> {
    const opened = said.at.connection();
    const follower = last === said.at ? opened : last.connection();
    const resolver: Resolver = {
      naptr: async () => [],
      srv: async () => zone.map(({ port }, at) => ({ priority: at, weight: 1, port, name: `s${at}.home1.example` })),
      addresses: async () => ['127.0.0.1'],
    };
    const agent: UserAgent = createUserAgent({
      address: 'sip:alice@home1.example',
      displayName: '',
      user: 'alice',
      password: 'Pa55-0rd',
      outboundProxy: { host: 'home1.example', port: null },
      transport: 'tcp',
      resolver,
      instanceUrn: 'urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6',
      services: ['oma.cpm.msg'],
      userAgent: 'test',
      expires: 3600,
    });
    ending.push(() => agent.close());
    const pending = agent.register();
    pending.catch(() => undefined);
    const first: ScriptedConnection = await opened;
    first.reply(await first.request('REGISTER'), said.with, said);
    const connection = await follower;
    const register: SipRequest = await connection.request('REGISTER');
    const contact = register.headers.find(({ name }) => name === 'Contact')?.value ?? '';
    connection.reply(register, 200, { headers: [['Contact', contact]] });
    await pending;
  }

  /** The real client and its page: a device name in the settings, out by the menu, in again by the banner. */
  async function aPersonAtTheScreen(): Promise<void> {
    const users = [{ user: 'alice', password: 'Pa55-0rd', displayName: 'Alice' }];
    network = await startHomeNetwork({ host: '127.0.0.1', port: 0, domain: 'parley.example', users });
    ending.push(() => network.close());
    const account = join(folder, 'alice.json');
    await writeFile(account, JSON.stringify(network.accounts[0]));
    const host = await HeadlessProcess.start(['--account', account, '--user-data', join(folder, 'alice')]);
    ending.push(() => host.kill());
    const browser: Browser = await openBrowser();
    ending.push(() => browser.close());
    const page = await browser.newPage();
    await page.goto(host.accounts[0]?.url ?? '');
    await page.getByText('Connected', { exact: true }).waitFor();

    await page.keyboard.press('Control+,');
    await page.getByLabel('Name of this device').fill(DEVICE);
    await page.getByLabel('Name of this device').press('Enter');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Account and settings' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Connected', { exact: true }).waitFor();
    await host.stop();
  }

  const onlyOf = (server: { readonly port: number }) => `tcp.port==${server.port}`;
  const registersOf = (server: { readonly port: number }) =>
    wire.fields(
      `tcp.dstport==${server.port} && sip.Method=="REGISTER"`,
      'sip.Call-ID',
      'sip.CSeq.seq',
      'sip.r-uri',
      'sip.Contact',
      'sip.Require',
    );

  test('no packet is malformed', async () => {
    const all = [...Object.values(servers), network.address].map(({ port }) => port);
    const seen = await wire.fields(`tcp.port in {${all.join(', ')}} && sip`, 'tcp.srcport');
    expect(new Set(seen.map(([port]) => Number(port)).filter((port) => all.includes(port))).size).toBe(all.length);
    expect(await wire.count(`tcp.port in {${all.join(', ')}} && (_ws.malformed || _ws.expert.severity == "error")`)).toBe(0);
  });

  test('R-REG-08: the device name from the settings is the display-name of the Contact, at once and after signing in again', async () => {
    const named = await wire.fields(
      `${onlyOf(network.address)} && sip.Method=="REGISTER" && sip.Contact contains "${DEVICE}"`,
      'sip.Contact',
      'sip.Call-ID',
      'frame.number',
    );
    for (const [contact] of named) expect(contact).toMatch(new RegExp(`^"${DEVICE}" <sip:alice@`));
    expect(new Set(named.map(([, callId]) => callId)).size).toBe(2);
    const unnamed = `${onlyOf(network.address)} && sip.Method=="REGISTER" && !(sip.Contact contains "${DEVICE}")`;
    const before = await wire.fields(unnamed, 'sip.Call-ID', 'frame.number');
    expect(before.length).toBeGreaterThan(0);
    expect(before.every(([callId, frame]) => callId === named[0]?.[1] && Number(frame) < Number(named[0]?.[2]))).toBe(true);
  });

  test('R-REG-11: "Sign out" ends the binding by REGISTER with expires=0, which is answered 200 without a Contact', async () => {
    const ends = await wire.fields(
      `${onlyOf(network.address)} && sip.Method=="REGISTER" && sip.Contact contains "expires=0"`,
      'sip.Call-ID',
      'sip.CSeq.seq',
      'frame.number',
    );
    // by the menu, and by the end of the program
    expect(new Set(ends.map(([callId]) => callId)).size).toBe(2);
    const [callId, sequence, frame] = ends[0] as [string, string, string];
    const answer = `${onlyOf(network.address)} && sip.Status-Code==200 && sip.Call-ID=="${callId}"`;
    expect(await wire.fields(`${answer} && sip.CSeq.seq==${sequence}`, 'sip.CSeq.seq', 'sip.Contact')).toEqual([[sequence, '']]);
    const later = `${onlyOf(network.address)} && sip.Method=="REGISTER" && frame.number > ${frame} && sip.Call-ID=="${callId}"`;
    expect(await wire.count(later)).toBe(0);
  });

  test('R-REG-01: after 503 the next server of the domain is asked, with the same Call-ID and a higher CSeq', async () => {
    const { busy, next } = servers;
    expect(await wire.count(`${onlyOf(busy)} && sip.Status-Code==503 && sip.Retry-After`)).toBe(1);
    const [first, ...more] = await registersOf(busy);
    const [second] = await registersOf(next);
    expect(more).toEqual([]);
    expect(second?.[0]).toBe(first?.[0]);
    expect(Number(second?.[1])).toBeGreaterThan(Number(first?.[1]));
    expect(await wire.count(`${onlyOf(next)} && sip.Status-Code==200`)).toBe(1);
  });

  test('R-REG-01: 302 leads to its Contact, which is the Request-URI there (RFC 3261 section 8.1.3.4)', async () => {
    const { moved, target } = servers;
    expect((await registersOf(moved)).map(([, , uri]) => uri)).toEqual(['sip:home1.example']);
    expect((await registersOf(target)).map(([, , uri]) => uri)).toEqual([`sip:127.0.0.1:${target.port}`]);
    expect(await wire.count(`${onlyOf(target)} && sip.Status-Code==200`)).toBe(1);
  });

  test('R-REG-06: after 420 for gruu one retry without Require, and no other', async () => {
    expect((await registersOf(servers.plain)).map((fields) => fields[4])).toEqual(['gruu', '']);
  });

  test('R-REG-10: 423 is obeyed by what its Min-Expires asks for', async () => {
    const asked = (await registersOf(servers.brief)).map(([, , , contact]) => /;expires=(\d+)/.exec(contact ?? '')?.[1]);
    expect(asked).toEqual(['3600', '7200']);
  });
});
