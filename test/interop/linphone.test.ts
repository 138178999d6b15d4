import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Kamailio, kamailioMissing } from '../harness/kamailio.ts';
import { KamailioPeople, write } from '../harness/kamailio-people.ts';
import { Linphone, linphoneMissing } from '../harness/linphone.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance, type Dissection } from '../harness/tshark.ts';
import { type Person, twoPeople } from '../harness/two-people.ts';

const hindrance = kamailioMissing ?? linphoneMissing ?? captureHindrance();
const title = `with liblinphone${hindrance === null ? '' : ` (skipped: ${hindrance})`}`;

describe.skipIf(hindrance !== null)(title, () => {
  const folder = temporaryFolder();
  const bob = { address: `sip:bob@${Kamailio.domain}` };
  let core: Kamailio;
  let people: KamailioPeople;
  let alice: Person;
  let capture: Capture | null = null;
  let wire: Dissection;

  const start = (options: { reads?: boolean } = {}) =>
    Linphone.start(
      join(folder, 'linphone'),
      { ...bob, user: 'bob', password: 'bobpw', domain: Kamailio.domain, host: core.host, port: core.portOf('tcp') },
      options,
    );
  const end = async () => {
    const running = capture;
    capture = null;
    return running?.stop();
  };
  const said = async (linphone: Linphone, text: string) => {
    await expect.poll(() => linphone.said, { timeout: 30_000 }).toContain(text);
  };
  const moved = async (linphone: Linphone, state: string) => {
    await expect.poll(() => linphone.states(), { timeout: 30_000 }).toContain(state);
  };

  beforeAll(async () => {
    core = await Kamailio.start({ digest: 'MD5' });
    capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = new KamailioPeople(core, folder);
    alice = await people.join('alice');
  }, 180_000);
  afterAll(async () => {
    await end();
    await people?.close();
    await core?.stop();
  });

  test('texts both ways; either side is told what was delivered, and what was read', async () => {
    const linphone = await start();
    try {
      linphone.message(alice.address, 'hello from linphone');
      const received = await alice.seesMessage((message) => message.text === 'hello from linphone', 30_000);
      expect(received).toMatchObject({ direction: 'in', kind: 'text', status: 'received' });
      await moved(linphone, 'DeliveredToUser');
      await alice.call['conversations.markRead']({ conversationId: received.conversationId, upTo: received.id });
      await moved(linphone, 'Displayed');

      const imdnId = await write(alice, bob, 'Grüße – at 10? 🙂');
      await said(linphone, 'Content: "Grüße – at 10? 🙂"');
      const delivered = await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'delivered', 30_000);
      // one conversation, whoever began
      expect(delivered.conversationId).toBe(received.conversationId);
    } finally {
      await linphone.stop();
    }
    const reader = await start({ reads: true });
    try {
      const imdnId = await write(alice, bob, 'and this one?');
      await said(reader, 'Content: "and this one?"');
      await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'displayed', 30_000);
    } finally {
      await reader.stop();
    }
  }, 120_000);

  test('what was written while it was away arrives once it is back', async () => {
    const imdnId = await write(alice, bob, 'are you there?');
    await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'sent', 30_000);
    const linphone = await start();
    try {
      await said(linphone, 'are you there?');
    } finally {
      await linphone.stop();
    }
  }, 180_000);

  test('tshark sees what was said: message/cpim and notifications of either side, each of them answered 200', async () => {
    wire = (await end())?.treatAs('sip', [core.portOf('tcp')]) as Dissection;
    const port = `tcp.port==${core.portOf('tcp')}`;
    const fields = (filter: string, ...names: string[]) => wire.fields(`${port} && ${filter}`, ...names);
    const linphones = 'sip.Method=="MESSAGE" && sip.from.user=="bob" && !(sip.User-Agent contains "Parley")';
    const parleys = 'sip.Method=="MESSAGE" && sip.from.user=="alice" && sip.User-Agent contains "Parley"';
    expect(await wire.count(`${port} && (sip && (_ws.malformed || _ws.expert.severity == "error"))`)).toBe(0);
    for (const side of [linphones, parleys]) {
      const texts = await fields(
        `${side} && sip.Content-Type contains "message/cpim" && sip contains "imdn.Disposition-Notification"`,
        'frame.number',
      );
      expect(texts.length, side).toBeGreaterThan(0);
    }
    for (const status of ['delivered', 'displayed']) {
      expect((await fields(`${parleys} && sip contains "<${status}/>"`, 'frame.number')).length, status).toBeGreaterThan(0);
    }
    // liblinphone packs its own, whatever the other side takes
    const packed = await fields(`${linphones} && sip.msg_hdr contains "Content-Encoding: deflate"`, 'sip.Call-ID');
    expect(packed.length).toBeGreaterThanOrEqual(2);
    for (const [callId] of packed) {
      expect(
        (await fields(`sip.Status-Code==200 && sip.CSeq.method=="MESSAGE" && sip.Call-ID=="${callId}"`, 'frame.number')).length,
      ).toBeGreaterThan(0);
    }
  }, 180_000);
});

describe.skipIf(linphoneMissing !== null)('liblinphone on the home network', () => {
  const folder = temporaryFolder();

  test('registers by digest, is found by what it can do, and texts both ways', async () => {
    const people = await twoPeople(folder, { guests: ['carol'] });
    const { alice, accountOf } = people;
    const carol = accountOf('carol');
    const linphone = await Linphone.start(join(folder, 'linphone'), {
      address: carol.address,
      user: carol.user,
      password: carol.password,
      domain: 'parley.example',
      host: '127.0.0.1',
      port: people.networkPort,
      contactParameters: `+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"`,
    });
    try {
      const imdnId = await write(alice, carol, 'hello from Parley');
      await expect.poll(() => linphone.said, { timeout: 30_000 }).toContain('Content: "hello from Parley"');
      await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'delivered', 30_000);
      linphone.message(alice.address, 'hello from linphone');
      await alice.seesMessage((message) => message.text === 'hello from linphone' && message.direction === 'in', 30_000);
      await expect.poll(() => linphone.states(), { timeout: 30_000 }).toContain('DeliveredToUser');
    } finally {
      await linphone.stop();
      await people.close();
    }
  }, 120_000);
});
