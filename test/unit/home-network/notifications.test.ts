import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { ALL_DISPOSITIONS, makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';
import { encodeImdn, IMDN_TYPE, type ImdnStatus } from '../../../shared/protocol/imdn/imdn.ts';
import type { SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { SipPeer } from '../../harness/sip-peer.ts';
import { registered, start } from './start.ts';

const ALICE = 'sip:alice@home1.example';
const BOB = 'sip:bob@home1.example';

function notify(from: SipPeer, status: ImdnStatus, about = 'm1', to = ALICE): SipRequest {
  const type = status === 'displayed' ? 'display' : 'delivery';
  const content = encodeImdn({
    messageId: about,
    dateTime: '2026-11-20T10:00:00Z',
    recipientUri: BOB,
    originalRecipientUri: BOB,
    disposition: type,
    status,
  });
  const cpim = makeCpim({
    from: BOB,
    to,
    dateTime: '2026-11-20T10:00:01Z',
    imdnMessageId: `n ${Math.random()}`,
    contentType: IMDN_TYPE,
    content,
  });
  const request = from.build('MESSAGE', to, { headers: [['Content-Type', 'message/cpim']], body: fromUtf8(encodeCpim(cpim)) });
  from.send(request);
  return request;
}

/** How the author's device answers the next one that comes. */
async function answerNext(device: SipPeer, status: number): Promise<string> {
  const request = await device.request('MESSAGE');
  device.answer(request, status, 'So');
  return /<(delivered|displayed|failed|error)\/>/.exec(fromUtf8(request.body))?.[1] ?? '';
}

async function people() {
  const network = await start();
  const alice = await registered(network, 'alice');
  const [desk, phone] = [await registered(network, 'bob'), await registered(network, 'bob')];
  const statusOf = async (peer: SipPeer, request: SipRequest) => (await peer.final(request)).status;
  return { network, alice, desk, phone, statusOf };
}

describe('notifications through the participating function', () => {
  it('R-PF-40: of delivery and of display the author gets one each, and the other devices an answer', async () => {
    const { alice, desk, phone, statusOf } = await people();
    for (const status of ['delivered', 'displayed'] as const) {
      const first = notify(desk, status);
      expect(await answerNext(alice, 200)).toBe(status);
      expect(await statusOf(desk, first)).toBe(200);
      expect(await statusOf(phone, notify(phone, status))).toBe(200);
      // the first one, sent again because its answer was lost
      expect(await statusOf(desk, notify(desk, status))).toBe(200);
    }
    const other = notify(phone, 'delivered', 'm2');
    expect(await answerNext(alice, 202)).toBe('delivered');
    expect(await statusOf(phone, other)).toBe(202);
    expect(alice.inbox).toEqual([]);
  });

  it('one that nobody took does not stand for the others', async () => {
    const { alice, desk, phone, statusOf } = await people();
    const first = notify(desk, 'delivered');
    const request = await alice.request('MESSAGE');
    const second = notify(phone, 'delivered');
    // it waits for what becomes of the first
    await expect(phone.next(() => true, 100)).rejects.toThrow();
    alice.answer(request, 500, 'So');
    expect([await statusOf(desk, first), await statusOf(phone, second)]).toEqual([500, 500]);
    const third = notify(phone, 'delivered');
    expect(await answerNext(alice, 200)).toBe('delivered');
    expect(await statusOf(phone, third)).toBe(200);
  });

  it('what says that it arrived comes after what says that it did not, and never the other way round', async () => {
    const { alice, desk, phone, statusOf } = await people();
    const failed = notify(desk, 'failed');
    expect(await answerNext(alice, 200)).toBe('failed');
    expect(await statusOf(desk, failed)).toBe(200);
    const delivered = notify(phone, 'delivered');
    expect(await answerNext(alice, 200)).toBe('delivered');
    expect(await statusOf(phone, delivered)).toBe(200);
    expect(await statusOf(desk, notify(desk, 'error'))).toBe(200);
    expect(alice.inbox).toEqual([]);
  });

  it('R-PF-43: they go to the device that sent the message, also when its author has others and they do not say so', async () => {
    const { network, alice, desk, statusOf } = await people();
    const laptop = await registered(network, 'alice');
    const cpim = makeCpim({
      from: ALICE,
      to: BOB,
      dateTime: '2026-11-20T10:00:00Z',
      imdnMessageId: 'm1',
      dispositions: ALL_DISPOSITIONS,
      contentType: 'text/plain',
      content: 'hello',
    });
    const text = laptop.build('MESSAGE', BOB, {
      headers: [
        ['Contact', `<${laptop.contactUri}>;+sip.instance="<${laptop.instance}>"`],
        ['Content-Type', 'message/cpim'],
      ],
      body: fromUtf8(encodeCpim(cpim)),
    });
    laptop.send(text);
    desk.answer(await desk.request('MESSAGE'), 200, 'OK');
    expect(await statusOf(laptop, text)).toBe(200);
    const delivered = notify(desk, 'delivered');
    expect(await answerNext(laptop, 200)).toBe('delivered');
    expect(await statusOf(desk, delivered)).toBe(200);
    expect(alice.inbox).toEqual([]);
    await laptop.close();
    // it is kept for the device that is to hear of it
    expect(await statusOf(desk, notify(desk, 'displayed'))).toBe(480);
  });
});
