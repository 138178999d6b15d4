import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Kamailio, kamailioMissing } from '../harness/kamailio.ts';
import { KamailioPeople, write } from '../harness/kamailio-people.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { logTlsKeys } from '../harness/tls-keys.ts';
import { Capture, captureHindrance, type Dissection } from '../harness/tshark.ts';

const hindrance = captureHindrance() ?? kamailioMissing;
const INSTANCE = /\+sip\.instance="(<urn:uuid:[0-9a-f-]{36}>)"/;

/** Two clients on a Kamailio and its MSRP relay; all of it is read by a dissector that has the keys of the clients' connections. */
describe.skipIf(hindrance !== null).each(['tls', 'wss'] as const)('registration and messages over %s as tshark sees them', (transport) => {
  const folder = temporaryFolder();
  let core: Kamailio;
  let wire: Dissection;
  /** the same by a tshark that has no keys */
  let closed: Dissection;
  let port = 0;

  beforeAll(async () => {
    const keys = join(folder, 'keys.txt');
    const end = logTlsKeys(keys);
    core = await Kamailio.start({ digest: 'SHA-256' });
    port = core.portOf(transport);
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    const people = new KamailioPeople(core, folder, { transport, msrpRelay: core.relay });
    try {
      const bob = await people.join('bob');
      const alice = await people.join('alice');
      const imdnId = await write(alice, bob, 'Grüße – at 10?');
      const received = await bob.seesMessage((message) => message.imdnId === imdnId, 60_000);
      await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'delivered', 60_000);
      await bob.call['conversations.markRead']({ conversationId: received.conversationId, upTo: received.id });
      await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'displayed', 60_000);
      const large = await write(alice, bob, 'The survey of the east ridge. '.repeat(200));
      await alice.seesMessage((message) => message.imdnId === large && message.status === 'delivered', 60_000);
      await people.leave(alice);
      await people.join('alice');
    } finally {
      await people.close();
      end();
    }
    const file = await capture.stop();
    closed = file.again();
    wire = file.treatAsSecure(transport === 'tls' ? 'sip' : 'http', port, keys).treatAsSecure('data', core.relayPort, keys);
  }, 300_000);
  afterAll(() => core?.stop());

  const count = (filter: string) => wire.count(`tcp.port==${port} && ${filter}`);
  const some = async (filter: string) => expect(await count(filter), filter).toBeGreaterThan(0);
  const fields = (filter: string, ...names: string[]) => wire.fields(`tcp.port==${port} && ${filter}`, ...names);

  test('without the keys there is nothing to be seen of it, and with them nothing is malformed', async () => {
    for (const each of [port, core.relayPort]) {
      expect(await closed.count(`tcp.port==${each} && (sip || msrp)`)).toBe(0);
      expect(await closed.count(`tcp.port==${each} && frame contains "alice"`)).toBe(0);
    }
    await some(transport === 'tls' ? 'tls && sip' : 'websocket && sip');
    expect(await count('(sip || sdp || msrp) && (_ws.malformed || _ws.expert.severity == "error")')).toBe(0);
  });

  test('TLS 1.2 or later, on every connection', async () => {
    const versions = await fields('tls.handshake.type == 2', 'tls.handshake.extensions.supported_version', 'tls.handshake.version');
    expect(versions.length).toBeGreaterThan(0);
    for (const [extension, version] of versions) expect(['0x0304', '0x0303']).toContain(extension === '' ? version : extension);
  });

  test('R-REG-01 R-REG-02 R-REG-09: REGISTER with own address in To and a Contact goes to the outbound proxy and is answered 200', async () => {
    const registers = await fields('sip.Method=="REGISTER"', 'sip.CSeq.method', 'sip.to.addr', 'sip.Contact', 'tcp.dstport');
    expect(registers.length).toBeGreaterThanOrEqual(6);
    for (const [method, to, contact, destination] of registers) {
      expect(method).toBe('REGISTER');
      expect(to).toMatch(/^sip:(alice|bob)@test\.example$/);
      expect(contact).toMatch(transport === 'tls' ? /;transport=tls/ : /;transport=ws/);
      expect(Number(destination)).toBe(port);
    }
    await some('sip.Status-Code==401 && sip.CSeq.method=="REGISTER"');
    await some('sip.Status-Code==200 && sip.CSeq.method=="REGISTER"');
    const via = transport === 'tls' ? 'SIP/2.0/TLS' : 'SIP/2.0/WSS';
    expect(await count(`sip.Method=="REGISTER" && sip.Via contains "${via}"`)).toBe(registers.length);
  });

  test('R-REG-03 R-REG-04 R-REG-05 R-REG-06 R-REG-07: feature tags, instance, gruu and capabilities in each REGISTER', async () => {
    const all = await count('sip.Method=="REGISTER"');
    for (const filter of [
      'sip.Contact contains "oma.cpm.session" && sip.Contact contains "oma.cpm.filetransfer"',
      'sip.Contact contains "+sip.instance"',
      'sip.Contact contains "reg-id=1"',
      'sip.Supported contains "gruu"',
      'sip.Supported contains "outbound"',
      'sip.Require contains "gruu"',
      'sip.Contact contains "+g.3gpp.icsi-ref=\\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg,"',
    ]) {
      expect(await count(`sip.Method=="REGISTER" && ${filter}`), filter).toBe(all);
    }
  });

  test('R-REG-04: the instance is the same one after a restart', async () => {
    const contacts = await fields('sip.Method=="REGISTER" && sip.to.user=="alice"', 'sip.Contact', 'tcp.srcport');
    expect(new Set(contacts.map(([, source]) => source)).size).toBe(2);
    expect(new Set(contacts.map(([contact]) => INSTANCE.exec(contact ?? '')?.[1])).size).toBe(1);
  });

  test('R-REG-11: quitting ends the registration of this instance', async () => {
    await some('sip.Method=="REGISTER" && sip.Contact contains "expires=0"');
  });

  test('R-PM-01 R-PM-02 R-PM-03 R-PM-05 R-PM-07 R-PM-13: the MESSAGE', async () => {
    await some(
      [
        'sip.Method=="MESSAGE"',
        'sip.Accept-Contact contains "oma.cpm.msg"',
        'sip.P-Preferred-Identity contains "alice"',
        'sip.User-Agent contains "CPM-client/OMA2.0"',
        'sip.r-uri contains "bob"',
        'sip contains "imdn.Disposition-Notification"',
        'sip.msg_hdr contains "Conversation-ID:"',
        'sip.msg_hdr contains "Contribution-ID:"',
      ].join(' && '),
    );
  });

  test('R-PM-14: it leaves with the route set of the registration', async () => {
    const routes = await fields('sip.Method=="MESSAGE" && sip.from.user=="alice" && sip.to.user=="bob" && sip.Route', 'sip.Route');
    expect(routes.length).toBeGreaterThan(0);
    for (const [route] of routes) expect(route).toContain(';lr;orig>');
  });

  test('R-V20-24: both notifications come back', async () => {
    for (const status of ['delivered', 'displayed']) await some(`sip.Method=="MESSAGE" && sip contains "<${status}/>"`);
  });

  test('R-LM-01 R-LM-02 R-LM-13 R-LM-16 R-LM-18: a large message goes through the relay, in chunks that relays take', async () => {
    const offers = await fields('sip.Method=="INVITE" && sip.Accept-Contact contains "oma.cpm.largemsg"', 'sdp.media', 'sdp.media_attr');
    expect(offers.length).toBeGreaterThan(0);
    for (const [media, attributes] of offers) {
      expect(media).toContain(`message ${core.relayPort} TCP/TLS/MSRP`);
      expect(attributes).toContain(`path:msrps://127.0.0.1:${core.relayPort}/s.`);
      expect(attributes).toContain('setup:active');
    }
    const octets = await wire.fields(`tcp.dstport==${core.relayPort} && data`, 'data.data');
    const said = octets.map(([hex]) => Buffer.from((hex ?? '').replaceAll('|', ''), 'hex').toString()).join('');
    expect(said).toMatch(/^MSRP \w+ AUTH\r\nTo-Path: msrps:\/\/127\.0\.0\.1:\d+;tcp\r\nFrom-Path: msrps:/m);
    expect(said).toMatch(/^Authorization: Digest username="alice", realm="test\.example", .*algorithm=SHA-256/m);
    const chunks = [...said.matchAll(/^Byte-Range: (\d+)-(\d+)\/(\d+)\r\nSuccess-Report: yes/gm)];
    expect(chunks.length).toBeGreaterThanOrEqual(3);
    for (const [, start, end] of chunks) expect(Number(end) - Number(start)).toBeLessThan(2048);
    expect(said).toMatch(/^MSRP \w+ REPORT\r\nTo-Path: msrps:\S+ msrps:\S+ msrps:/m);
  });
});
