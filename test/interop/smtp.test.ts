import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeferredItem } from '../../electron/home-network/deferral/port.ts';
import { Directory } from '../../electron/home-network/directory.ts';
import { type HomeNetwork, startHomeNetwork } from '../../electron/home-network/index.ts';
import { Interworking } from '../../electron/home-network/interworking/interworking.ts';
import { createSmtpGateway } from '../../electron/home-network/interworking/smtp-gateway.ts';
import type { ProviderPolicy } from '../../electron/home-network/rules/rules.ts';
import { utf8 } from '../../shared/base/bytes.ts';
import { decodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { decodeImdn } from '../../shared/protocol/imdn/imdn.ts';
import { runInPython, smtpServerMissing } from '../harness/mail-store.ts';
import { SipPeer } from '../harness/sip-peer.ts';

interface Mail {
  readonly envelope: readonly [string, readonly string[]];
  readonly headers: Readonly<Record<string, string>>;
  readonly defects: readonly string[];
  readonly parts: readonly { readonly type: string; readonly name: string | null; readonly content: string }[];
}

/** A text, its lines ended as Python does. */
function plain(hex: string): string {
  return Buffer.from(hex, 'hex').toString().replaceAll('\r\n', '\n').trim();
}

const missing = smtpServerMissing();
const title = `R-PF-44 R-PF-45: interworking by e-mail${missing === null ? '' : ` (skipped: ${missing})`}`;

/** The network sends e-mail to a mail server that is Python's, and Python reads what came. */
describe.skipIf(missing !== null)(title, () => {
  let sink: ChildProcess;
  let port: number;
  const mails: Mail[] = [];
  const closing: { close(): unknown }[] = [];

  beforeEach(async () => {
    mails.length = 0;
    sink = runInPython('smtp_sink.py');
    const lines = createInterface({ input: sink.stdout as NonNullable<typeof sink.stdout> });
    const [first] = (await once(lines, 'line')) as [string];
    ({ port } = JSON.parse(first) as { port: number });
    lines.on('line', (line) => mails.push(JSON.parse(line) as Mail));
  });

  afterEach(async () => {
    for (const one of closing.splice(0).reverse()) await one.close();
    const gone = once(sink, 'exit');
    sink.kill();
    await gone;
  });

  async function network(policy: Partial<ProviderPolicy> = {}, at = port): Promise<HomeNetwork> {
    const mail = new Map([
      ['alice', 'alice@mail.example'],
      ['bob', 'bob@mail.example'],
      ['dave', 'dave@mail.example'],
      ['+49301234', 'erin@mail.example'],
    ]);
    const made = await startHomeNetwork({
      ...{ host: '127.0.0.1', port: 0, domain: 'home1.example', policy },
      users: ['alice', 'bob', 'carol'].map((user) => ({
        user,
        password: user,
        displayName: user === 'alice' ? 'Alice "A" <Müller>' : '',
      })),
      gateway: createSmtpGateway({ host: '127.0.0.1', port: at, mail, domain: 'home1.example' }),
    });
    closing.push(made);
    return made;
  }

  async function person(of: HomeNetwork, user: string): Promise<SipPeer> {
    const peer = await SipPeer.connect(of.address, of.accounts.find((account) => account.user === user) as HomeNetwork['accounts'][number]);
    closing.push(peer);
    expect((await peer.register({})).status).toBe(200);
    return peer;
  }

  /** The sink tells of a mail after it has taken it. */
  const came = (count: number) => expect.poll(() => mails.length).toBe(count);

  const letter = (text: string, type = 'text/plain;charset=utf-8', subject: string | null = null) => ({
    headers: [['Content-Type', 'message/cpim'] as const, ...(subject === null ? [] : [['Subject', subject] as const])],
    body: [
      ...['From: <sip:alice@home1.example>', 'To: <sip:x@home1.example>', 'NS: imdn <urn:ietf:params:imdn>', 'imdn.Message-ID: m1'],
      ...['imdn.Disposition-Notification: positive-delivery, negative-delivery', '', `Content-Type: ${type}`, '', text],
    ].join('\r\n'),
  });
  const FORCED = { force: { interworking: 'undeliverable' } } as const;

  it('R-PF-44: what reaches no device of a user leaves as e-mail, and its author hears that it was delivered', async () => {
    const alice = await person(await network(FORCED), 'alice');
    const answer = await alice.ask('MESSAGE', 'sip:bob@home1.example', letter('Grüße\r\n.\r\nfrom the ridge'));
    expect(answer.status).toBe(202);
    const notice = await alice.request('MESSAGE');
    alice.answer(notice, 200, 'OK');
    expect(decodeImdn(decodeCpim(notice.body).content)).toMatchObject({
      messageId: 'm1',
      status: 'delivered',
      leftBy: 'email',
      recipientUri: 'sip:bob@home1.example',
    });
    await came(1);
    const [mail] = mails;
    expect(mail).toMatchObject({ envelope: ['messages@home1.example', ['bob@mail.example']], defects: [] });
    expect(mail?.headers.From).toMatch(/^"Alice .*Müller.* <messages@home1\.example>$/);
    expect(mail?.headers['Reply-To']).toMatch(/<alice@mail\.example>$/);
    expect(mail?.parts.map(({ type, content }) => [type, plain(content)])).toEqual([['text/plain', 'Grüße\n.\nfrom the ridge']]);
  });

  it('R-PF-45: what goes to somebody who is no user leaves as e-mail, by name or by number; a medium is an attachment', async () => {
    const alice = await person(await network(), 'alice');
    expect((await alice.ask('MESSAGE', 'sip:dave@home1.example', letter('\x01picture', 'image/png', 'The ridge\t'))).status).toBe(202);
    for (const number of ['tel:+49-30-1234', 'sip:+49301234@home1.example;user=phone']) {
      expect([number, (await alice.ask('MESSAGE', number, letter('To a number'))).status]).toEqual([number, 202]);
    }
    await came(3);
    expect(mails.map(({ envelope }) => envelope[1])).toEqual([['dave@mail.example'], ['erin@mail.example'], ['erin@mail.example']]);
    expect(mails[0]?.headers.Subject).toBe('The ridge');
    expect(mails[0]?.parts.filter(({ type }) => type === 'image/png')).toEqual([
      { type: 'image/png', name: 'attachment-1', content: Buffer.from(utf8('\x01picture')).toString('hex') },
    ]);
  });

  it('R-PF-44 R-PF-45: of a list, each one whom no device reaches or who is no user, and its author hears of each', async () => {
    const home = await network(FORCED);
    const [alice, carol] = [await person(home, 'alice'), await person(home, 'carol')];
    const entries = ['bob', 'carol', 'dave'].map((user) => `<entry uri="sip:${user}@home1.example"/>`).join('');
    const list = `<?xml version="1.0"?><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${entries}</list></resource-lists>`;
    const part = (type: string, body: string, more = '') => `--x\r\nContent-Type: ${type}\r\n${more}\r\n${body}\r\n`;
    const listed = part('application/resource-lists+xml', list, 'Content-Disposition: recipient-list\r\n');
    const asked = alice.build('MESSAGE', 'sip:pager-exploder@home1.example', {
      headers: [
        ['Require', 'recipient-list-message'],
        ['Content-Type', 'multipart/mixed;boundary=x'],
      ],
      body: `${listed}${part('message/cpim', letter('To all').body)}--x--\r\n`,
    });
    alice.send(asked);
    carol.answer(await carol.request('MESSAGE'), 200, 'OK');
    expect((await alice.final(asked)).status).toBe(202);
    const told: string[] = [];
    for (let notice = 0; notice < 2; notice++) {
      const request = await alice.request('MESSAGE');
      alice.answer(request, 200, 'OK');
      const { recipientUri, status, leftBy } = decodeImdn(decodeCpim(request.body).content);
      told.push(`${recipientUri} ${status} ${leftBy}`);
    }
    expect(told.sort()).toEqual(['sip:bob@home1.example delivered email', 'sip:dave@home1.example delivered email']);
    await came(2);
    expect(mails.map(({ envelope }) => envelope[1][0]).sort()).toEqual(['bob@mail.example', 'dave@mail.example']);
    expect(mails.map(({ parts }) => plain(parts[0]?.content ?? ''))).toEqual(['To all', 'To all']);
  });

  it('nothing leaves for whom it is not: no address, another network, policy, a user who is there or does not want it', async () => {
    const alice = await person(await network(), 'alice');
    expect((await alice.ask('MESSAGE', 'sip:nobody@home1.example', letter('a'))).status).toBe(404);
    expect((await alice.ask('MESSAGE', 'sip:dave@elsewhere.example', letter('b'))).status).toBe(404);
    expect((await alice.ask('MESSAGE', 'tel:+4999', letter('c'))).status).toBe(416);
    expect((await alice.ask('MESSAGE', 'sip:bob@home1.example', letter('d'))).status).toBe(480);
    expect((await alice.ask('INVITE', 'sip:dave@home1.example')).status).toBe(404);
    const closed = await person(await network({ interworkOriginating: false, forbiddenWords: ['gold'] }), 'alice');
    expect((await closed.ask('MESSAGE', 'sip:dave@home1.example', letter('e'))).status).toBe(404);
    const screened = await person(await network({ forbiddenWords: ['gold'] }), 'alice');
    expect((await screened.ask('MESSAGE', 'sip:dave@home1.example', letter('gold'))).status).toBe(403);
    const both = await network(FORCED);
    const [writer, reader] = [await person(both, 'alice'), await person(both, 'bob')];
    const request = writer.build('MESSAGE', 'sip:bob@home1.example', letter('f'));
    writer.send(request);
    reader.answer(await reader.request('MESSAGE'), 200, 'OK');
    expect((await writer.final(request)).status).toBe(200);
    expect(mails).toEqual([]);
  });

  it('a deferred item leaves with its author and its time, and stays where nothing leads there', async () => {
    const gateway = createSmtpGateway({ host: '127.0.0.1', port, mail: new Map([['bob', 'bob@mail.example']]), domain: 'home1.example' });
    const directory = new Directory('home1.example', [], [{ user: 'alice', password: 'a', displayName: 'Alice' }]);
    const { body } = letter('Kept since Tuesday');
    const item = {
      id: 1,
      owner: 'bob',
      from: 'sip:alice@home1.example',
      sentAt: Date.UTC(2026, 2, 3, 8, 30),
      subject: null,
    } as DeferredItem;
    const parts = { directory, log: () => undefined } as unknown as ConstructorParameters<typeof Interworking>[0];
    const read = async () => ({ type: 'message/cpim', octets: utf8(body) });
    await new Interworking({ ...parts, gateway }).item(item, read);
    await came(1);
    expect(mails[0]?.headers).toMatchObject({ Subject: 'Message from Alice', Date: 'Tue, 03 Mar 2026 08:30:00 +0000' });
    expect(mails[0]?.parts.map(({ content }) => plain(content))).toEqual(['Kept since Tuesday']);
    await expect(new Interworking({ ...parts, gateway }).item({ ...item, owner: 'carol' }, read)).rejects.toThrow('no gateway');
    await expect(new Interworking({ ...parts, gateway: null }).item(item, read)).rejects.toThrow('no gateway');
  });

  it('whatever a name, a subject or a type says, it makes no header, no recipient and reads no file', async () => {
    const gateway = createSmtpGateway({ host: '127.0.0.1', port, mail: new Map([['bob', 'bob@mail.example']]), domain: 'home1.example' });
    const nasty = 'x\r\nBcc: eve@mail.example\r\n\r\n<eve@mail.example>, "';
    await gateway.send({
      ...{ to: 'bob', sentAt: 0, subject: nasty },
      from: { name: nasty, displayName: nasty, address: nasty },
      parts: [
        { type: `image/png;name="${nasty}"`, octets: utf8('file:///etc/passwd') },
        { type: 'text/plain', octets: utf8('.\r\nMAIL FROM:<eve@mail.example>\r\n') },
      ],
    });
    await came(1);
    expect(mails[0]?.envelope).toEqual(['messages@home1.example', ['bob@mail.example']]);
    expect(mails[0]?.defects).toEqual([]);
    expect(Object.keys(mails[0]?.headers ?? {}).sort()).toEqual(
      ['Content-Type', 'Date', 'From', 'MIME-Version', 'Message-ID', 'Subject', 'To'].sort(),
    );
    expect(mails[0]?.parts.map(({ content }) => plain(content))).toEqual(['.\nMAIL FROM:<eve@mail.example>', 'file:///etc/passwd']);
  });

  it('what the mail server does not take is not accepted here either', async () => {
    const alice = await person(await network(), 'alice');
    expect((await alice.ask('MESSAGE', 'sip:dave@home1.example', letter('a', 'text/plain', 'refuse this'))).status).toBe(480);
    const unreachable = await person(await network({}, 1), 'alice');
    expect((await unreachable.ask('MESSAGE', 'sip:dave@home1.example', letter('b'))).status).toBe(480);
    expect(mails).toEqual([]);
  });
});
