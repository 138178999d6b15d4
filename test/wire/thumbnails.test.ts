import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { applicationFeature, contactFeature, FILE_THUMBNAIL, FILE_TRANSFER } from '../../shared/protocol/cpm/names.ts';
import { header, type SipRequest } from '../../shared/protocol/sip/message.ts';
import { greyPng } from '../harness/icons.ts';
import { type PeerAccount, SipPeer } from '../harness/sip-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance } from '../harness/tshark.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';
import { Wire } from '../harness/wire.ts';

const hindrance = captureHindrance();
if (hindrance) console.log(`wire checks skipped: ${hindrance}`);

/** what RFC 5547 section 8.8 asks for, as the requirement's own filter has it */
const WITH_ICON = 'sdp.media_attr contains "file-icon:cid:" && sip.Content-Type contains "multipart/related"';
const PATIENCE = 30_000;

/** Somebody whose device says of itself what the test wants, and who takes no file in the end. */
class Other {
  readonly peer: SipPeer;
  readonly invites: SipRequest[] = [];
  asked = 0;
  readonly #features: string;

  private constructor(peer: SipPeer, features: readonly string[]) {
    this.peer = peer;
    this.#features = features.join(';');
  }

  static async start(port: number, account: PeerAccount, features: readonly string[]): Promise<Other> {
    const peer = await SipPeer.connect({ host: '127.0.0.1', port }, account);
    await peer.register({ features: features.join(';') });
    return new Other(peer, features);
  }

  /** Answers what comes: OPTIONS with what it can do, INVITE with these, the last of them 603. */
  async serve(...statuses: readonly number[]): Promise<void> {
    for (const status of [...statuses, 603]) {
      for (;;) {
        const request = (await this.peer.next(
          (message) => message.kind === 'request' && ['OPTIONS', 'INVITE'].includes(message.method),
          PATIENCE,
        )) as SipRequest;
        if (request.method === 'INVITE') {
          this.invites.push(request);
          this.peer.answer(request, status, 'Of this test');
          break;
        }
        this.asked += 1;
        this.peer.answer(request, 200, 'OK', { headers: [['Contact', `<${this.peer.contactUri}>;${this.#features}`]] });
      }
    }
  }
}

describe.skipIf(hindrance !== null)('thumbnails as tshark sees them', () => {
  const folder = temporaryFolder();
  const icon = greyPng(160, 90);
  let wire: Wire;
  let people: TwoPeople;
  let able: Other;
  let unable: Other;
  let shown: Message;
  let served: unknown;

  async function send(address: string, name: string): Promise<Message> {
    const { alice } = people;
    const { id } = await alice.call['conversations.open']({ address });
    const path = join(folder, name);
    await writeFile(path, Buffer.alloc(50_000, 7));
    const { token } = await alice.client.offerFile(path);
    await alice.call['files.thumbnail']({ token, octets: Buffer.from(icon).toString('base64') });
    return alice.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
  }
  const declined = ({ imdnId }: Message) =>
    people.alice.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'declined', PATIENCE);

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = await twoPeople(folder, { guests: ['carol', 'dave'] });
    const { alice, bob, accountOf, networkPort } = people;
    const tags = contactFeature([FILE_TRANSFER]);
    unable = await Other.start(networkPort, accountOf('carol'), [tags]);
    able = await Other.start(networkPort, accountOf('dave'), [tags, applicationFeature([FILE_THUMBNAIL])]);

    const sent = await send(bob.address, 'shown.jpg');
    shown = await bob.seesMessage((message) => message.imdnId === sent.imdnId && message.transfer?.state === 'offered', PATIENCE);
    const transferId = shown.transfer?.id as number;
    served = await bob.client.picture({ what: 'thumbnail', id: transferId });
    await bob.call['transfers.accept']({ transferId });
    await alice.seesMessage((message) => message.imdnId === sent.imdnId && message.transfer?.state === 'done', PATIENCE);

    const toCarol = unable.serve();
    await declined(await send('sip:carol@parley.example', 'bare.jpg'));
    await toCarol;

    const toDave = able.serve(415, 603);
    await declined(await send('sip:dave@parley.example', 'refused.jpg'));
    await declined(await send('sip:dave@parley.example', 'once more.jpg'));
    await toDave;

    await unable.peer.close();
    await able.peer.close();
    await people.close();
    wire = await Wire.from(capture, people.networkPort);
  }, 240_000);
  afterAll(() => people?.close());

  const invites = async (name: string, filter: string) =>
    (await wire.signalling(`sip.Method=="INVITE" && sdp.media_attr contains "${name}" && ${filter}`, 'frame.number')).length;

  test('no packet is malformed', async () => {
    expect(await wire.count('sip')).toBeGreaterThan(20);
    expect(await wire.malformed()).toBe(0);
  });

  test('R-FT-12: a device says that it shows thumbnails, in REGISTER and in the answer to OPTIONS', async () => {
    const tag = 'sip.Contact contains "+g.3gpp.iari-ref=\\"urn%3Aurn-7%3A3gpp-application.ims.iari.rcs.ftthumb"';
    for (const user of ['alice', 'bob']) {
      expect(await wire.count(`sip.Method=="REGISTER" && sip.to.user=="${user}" && ${tag}`)).toBeGreaterThan(0);
      expect(await wire.count(`sip.Method=="REGISTER" && sip.to.user=="${user}" && !(${tag})`)).toBe(0);
    }
    expect(await wire.count(`sip.Status-Code==200 && sip.CSeq.method=="OPTIONS" && ${tag}`)).toBeGreaterThan(0);
  });

  test('R-FT-11 R-AD-13 R-V20-22: who shows thumbnails gets one with the offer, beside the request for notifications', async () => {
    expect(await invites('shown.jpg', WITH_ICON)).toBeGreaterThan(0);
    expect(await invites('shown.jpg', `!(${WITH_ICON})`)).toBe(0);
    const [[types = ''] = []] = await wire.signalling(
      `sip.Method=="INVITE" && sdp.media_attr contains "shown.jpg"`,
      'mime_multipart.header.content-type',
    );
    expect(types.split('|').map((type) => type.split(';')[0])).toEqual(['application/sdp', 'image/png', 'message/cpim']);
    expect(
      await invites('shown.jpg', 'sip contains "Content-Disposition: icon" && sip contains "imdn.Disposition-Notification"'),
    ).toBeGreaterThan(0);
  });

  test('R-FTR-01 R-PF-14: it comes through the network unchanged, and is there before the file is accepted', () => {
    expect(shown.transfer).toMatchObject({ state: 'offered', thumbnail: true, name: 'shown.jpg', size: 50_000, type: 'image/jpeg' });
    expect(served).toMatchObject({ type: 'image/png', width: 160, height: 90 });
    expect(new Uint8Array((served as { octets: Uint8Array }).octets)).toEqual(icon);
  });

  test('R-FT-12: who does not say so gets none', async () => {
    expect(unable.asked).toBeGreaterThan(0);
    expect(unable.invites).toHaveLength(1);
    expect(await invites('bare.jpg', 'sip')).toBeGreaterThan(0);
    expect(await invites('bare.jpg', 'sdp.media_attr contains "file-icon"')).toBe(0);
  });

  test('R-FT-11: 415 to an offer with a thumbnail makes another one without, at once', async () => {
    const bodies = able.invites.map(({ body }) => new TextDecoder().decode(body).includes('a=file-icon:cid:'));
    expect(able.invites.map((invite) => header(invite, 'Content-Type')?.split(';')[0])).toEqual([
      'multipart/related',
      'multipart/mixed',
      'multipart/related',
    ]);
    // a file that is not taken in either form says nothing of thumbnails
    expect(bodies).toEqual([true, false, true]);
  });

  test('R-FTR-07: no answer has one', async () => {
    expect(await wire.count('sip.Status-Code==200 && sdp.media_attr contains "file-icon"')).toBe(0);
  });
});
