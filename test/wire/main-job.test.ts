import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance } from '../harness/tshark.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';
import { Wire } from '../harness/wire.ts';

const hindrance = captureHindrance();
if (hindrance) console.log(`wire checks skipped: ${hindrance}`);

const ANSWER = 'answer-0123456789abcdef';

describe.skipIf(hindrance !== null)('registration, a message and files as tshark sees them', () => {
  const folder = temporaryFolder();
  let wire: Wire;
  let people: TwoPeople;

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = await twoPeople(folder);
    const { alice, bob } = people;
    const { id } = await alice.conversationWith(bob);

    const text = await alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: 'Grüße – at 10?' });
    const received = await bob.seesMessage((message) => message.imdnId === text.imdnId);
    // what is read before its delivery was told is told as read only
    await alice.seesMessage((message) => message.imdnId === text.imdnId && message.status === 'delivered');
    await bob.call['conversations.markRead']({ conversationId: received.conversationId, upTo: received.id });
    await alice.seesMessage((message) => message.imdnId === text.imdnId && message.status === 'displayed');

    await bob.call['messages.sendText']({
      conversationId: received.conversationId,
      clientId: ANSWER,
      text: 'Yes, at 10',
      quotes: received.id,
    });
    await alice.seesMessage((message) => message.imdnId === ANSWER);

    for (const wanted of [true, false]) {
      const path = join(folder, `ridge "${wanted ? 'east' : 'west'}".jpg`);
      await writeFile(path, Buffer.alloc(200_000, wanted ? 1 : 2));
      const { token } = await alice.client.offerFile(path);
      const file = await alice.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
      const offered = await bob.seesMessage((message) => message.imdnId === file.imdnId);
      const transferId = offered.transfer?.id as number;
      if (wanted) await bob.call['transfers.accept']({ transferId });
      else await bob.call['transfers.decline']({ transferId });
      await alice.seesMessage((message) => message.imdnId === file.imdnId && message.transfer?.state === (wanted ? 'done' : 'declined'));
      if (wanted) await alice.seesMessage((message) => message.imdnId === file.imdnId && message.status === 'delivered');
    }
    await people.close();
    wire = await Wire.from(capture, people.networkPort);
  }, 240_000);
  afterAll(() => people?.close());

  const some = async (filter: string) => expect(await wire.count(filter), filter).toBeGreaterThan(0);

  test('no packet is malformed', async () => {
    expect(await wire.count('sip')).toBeGreaterThan(20);
    expect((await wire.packets('msrp', 'frame.number')).length).toBeGreaterThan(4);
    expect(await wire.malformed()).toBe(0);
  });

  test('an answer names what it answers: InReplyTo-Contribution-ID in SIP, the Message-ID in CPIM', async () => {
    const idOf = async (filter: string, name: string) => {
      const packets = await wire.packets(`sip.Method=="MESSAGE" && ${filter}`, 'sip.msg_hdr');
      return new Set(packets.flat().map((headers) => new RegExp(`\\b(?<!-)${name}: ([0-9a-f-]+)`).exec(headers)?.[1]));
    };
    const asked = await idOf('sip contains "at 10?"', 'Contribution-ID');
    const answers = await idOf(
      `sip contains "imdn.Message-ID: ${ANSWER}" && sip contains "rcs.Reference-Type: Reply"`,
      'InReplyTo-Contribution-ID',
    );
    expect(asked.size).toBe(1);
    expect(answers).toEqual(asked);
  });

  test('R-REG-01 R-REG-02 R-REG-09: REGISTER with own address in To and a Contact goes to the outbound proxy and is answered 200', async () => {
    const registers = await wire.signalling('sip.Method=="REGISTER"', 'sip.CSeq.method', 'sip.to.addr', 'sip.Contact', 'tcp.dstport');
    expect(registers.length).toBeGreaterThanOrEqual(4);
    for (const [method, to, contact, port] of registers) {
      expect(method).toBe('REGISTER');
      expect(to).toMatch(/^sip:(alice|bob)@parley\.example$/);
      expect(contact).toContain('sip:');
      expect(Number(port)).toBe(people.networkPort);
    }
    await some('sip.Status-Code==200 && sip.CSeq.method=="REGISTER"');
  });

  test('R-REG-03 R-REG-04 R-REG-05 R-REG-06 R-REG-07: feature tags, instance, gruu and capabilities in each REGISTER', async () => {
    const all = await wire.count('sip.Method=="REGISTER"');
    for (const filter of [
      'sip.Contact contains "oma.cpm.session" && sip.Contact contains "oma.cpm.filetransfer"',
      'sip.Contact contains "+sip.instance"',
      'sip.Supported contains "gruu"',
      'sip.Require contains "gruu"',
      'sip.Contact contains "+g.3gpp.icsi-ref=\\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg,"',
    ]) {
      expect(await wire.count(`sip.Method=="REGISTER" && ${filter}`), filter).toBe(all);
    }
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
    await some('sip.Method=="MESSAGE" && sip.Route');
  });

  test('R-V20-24 R-PF-43: notifications go to the device that originated the message', async () => {
    await some('sip.Method=="MESSAGE" && sip contains "<delivered/>" && sip.Accept-Contact contains "+sip.instance"');
    await some('sip.Method=="MESSAGE" && sip contains "<displayed/>" && sip.Accept-Contact contains "+sip.instance"');
  });

  test('R-FTR-11: the delivery notification of the file', async () => {
    const notices = await wire.signalling(`sip.Method=="MESSAGE" && sip contains "<delivered/>"`, 'sip.Accept-Contact');
    expect(notices.filter(([tag]) => tag?.includes('oma.cpm.filetransfer')).length).toBeGreaterThan(0);
  });

  test('R-FT-01 R-FT-04 R-FT-05 R-FT-21 R-FT-24 R-FT-29: the file INVITE carries the file transfer tag in place of the session tag', async () => {
    await some(
      [
        'sip.Method=="INVITE"',
        'sip.r-uri contains "bob"',
        'sip.Accept-Contact contains "oma.cpm.filetransfer"',
        '!(sip.Accept-Contact contains "oma.cpm.session")',
        'sip.Contact contains "oma.cpm.filetransfer"',
      ].join(' && '),
    );
  });

  test('R-FT-06 R-FT-07 R-FT-25 R-FT-31 R-V20-17 R-AD-10: file-selector with name, type and size, and a file-transfer-id', async () => {
    const offers = await wire.signalling(`sip.Method=="INVITE"`, 'sdp.media_attr');
    expect(offers.length).toBeGreaterThanOrEqual(2);
    for (const [attributes] of offers) {
      expect(attributes).toContain('sendonly');
      expect(attributes).toMatch(
        /file-selector:name:"ridge%20%22(east|west)%22\.jpg" type:image\/jpeg size:200000 hash:sha-1:([0-9A-F]{2}:){19}[0-9A-F]{2}/,
      );
      expect(attributes).toMatch(/file-transfer-id:[A-Za-z0-9_-]{32}/);
    }
  });

  test('R-FT-13: the file INVITE asks for notifications', async () => {
    await some('sip.Accept-Contact contains "filetransfer" && sip contains "imdn.Disposition-Notification"');
  });

  test('R-FTR-07 R-FTR-14: the 200 repeats the identity of the file', async () => {
    await some('sip.Status-Code==200 && sdp.media_attr contains "file-transfer-id:" && sdp.media_attr contains "file-selector:"');
  });

  test('R-FTR-08: nothing accepted is answered 603', async () => {
    await some('sip.Status-Code==603 && sip.CSeq.method=="INVITE"');
  });

  test('R-FT-19: the transfer is released by BYE after the last 200', async () => {
    const [lastAnswer] = (await wire.packets('msrp.status.code==200', 'frame.number')).slice(-1);
    const byes = await wire.signalling(`sip.Method=="BYE"`, 'frame.number');
    expect(byes.length).toBeGreaterThan(0);
    expect(Number(byes.at(-1)?.[0])).toBeGreaterThan(Number(lastAnswer?.[0]));
  });

  test('R-PF1-05 R-PF1-06: the octets travel in MSRP SEND and are reported', async () => {
    for (const method of ['SEND', 'REPORT']) {
      expect((await wire.packets(`msrp.method=="${method}"`, 'frame.number')).length, method).toBeGreaterThan(0);
    }
  });
});
