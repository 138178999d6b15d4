import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMsrpEngine } from '../../electron/msrp/engine.ts';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import { randomToken, randomUuid } from '../../shared/base/random.ts';
import { encodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { formatDateTime, makeCpim } from '../../shared/protocol/cpim/cpim-message.ts';
import { acceptContact, type CpmService } from '../../shared/protocol/cpm/names.ts';
import { header, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { SipPeer } from '../harness/sip-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
let people: TwoPeople;
let mallory: SipPeer;
beforeAll(async () => {
  people = await twoPeople(folder);
  const account = people.accountOf('mallory');
  const [host, port] = account.outboundProxy.split(':');
  mallory = await SipPeer.connect({ host: host as string, port: Number(port) }, account);
  await mallory.register();
});
afterAll(async () => {
  await mallory?.close();
  await people?.close();
});

interface Asked {
  readonly invite: SipRequest;
  readonly answer: SipResponse;
}

/** Mallory's INVITE to Bob, through the network. */
async function invite(
  service: CpmService,
  body?: { readonly type: string; readonly text: string },
  more: readonly (readonly [string, string])[] = [],
): Promise<Asked> {
  const send = async (authorization: readonly (readonly [string, string])[], sequence: number): Promise<Asked> => {
    const request = mallory.build('INVITE', people.bob.address, {
      sequence,
      callId,
      headers: [
        ['Contact', `<${mallory.contactUri}>`],
        ['Accept-Contact', acceptContact(service)],
        ['Conversation-ID', randomUuid()],
        ['Contribution-ID', randomUuid()],
        ...(body ? ([['Content-Type', body.type]] as const) : []),
        ...more,
        ...authorization,
      ],
      ...(body ? { body: body.text } : {}),
    });
    mallory.send(request);
    return { invite: request, answer: await mallory.final(request, 20_000) };
  };
  const callId = randomUuid();
  const first = await send([], 1);
  if (first.answer.status !== 407) return first;
  return send([['Proxy-Authorization', mallory.credentials(first.answer, first.invite)]], 2);
}

function sdp(port: number, path: string): string {
  return [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=message ${port} TCP/MSRP *`],
    ...['a=accept-types:message/cpim', 'a=accept-wrapped-types:text/plain', `a=path:${path}`, 'a=setup:active', ''],
  ].join('\r\n');
}

function acknowledge({ invite, answer }: Asked, body?: string): void {
  const sequence = Number.parseInt(header(invite, 'CSeq') ?? '', 10);
  const type = [['Content-Type', 'application/sdp']] as const;
  mallory.send(mallory.inDialog(invite, answer, 'ACK', sequence, body === undefined ? {} : { body, headers: type }));
}

describe('an INVITE without a session description', () => {
  test('to a chat gets an offer; with the answer in the ACK the session carries texts both ways', async () => {
    const asked = await invite('oma.cpm.session');
    expect(asked.answer.status).toBe(200);
    expect(header(asked.answer, 'Content-Type')).toBe('application/sdp');
    const path = /^a=path:(\S+)/m.exec(fromUtf8(asked.answer.body))?.[1] ?? '';
    expect(fromUtf8(asked.answer.body)).toContain('a=setup:actpass');
    const msrp = createMsrpEngine();
    await msrp.listen({ host: '127.0.0.1', port: 0 });
    const heard: string[] = [];
    const session = msrp.createSession({
      onMessage: () => ({ write: (_, octets) => void heard.push(fromUtf8(octets)), complete: () => undefined, abort: () => undefined }),
      onClosed: () => undefined,
    });
    acknowledge(asked, sdp(msrp.address.port, session.localUri));
    await session.connect({ role: 'active', remotePath: [path] });
    const cpim = makeCpim({
      from: mallory.account.address,
      to: people.bob.address,
      dateTime: formatDateTime(Date.now()),
      imdnMessageId: randomToken(24),
      contentType: 'text/plain;charset=UTF-8',
      content: 'you offer, I answer',
    });
    await session.send({ contentType: 'message/cpim', source: encodeCpim(cpim), successReport: false });
    const { conversationId } = await people.bob.seesMessage(({ text }) => text === 'you offer, I answer');
    const reply = await people.bob.call['messages.sendText']({ conversationId, clientId: randomToken(24), text: 'and I go on' });
    await people.bob.seesMessage(({ imdnId, status }) => imdnId === reply.imdnId && status === 'sent');
    expect(heard.join('')).toContain('and I go on');
    const bye = mallory.inDialog(asked.invite, asked.answer, 'BYE', 9);
    mallory.send(bye);
    expect((await mallory.final(bye, 20_000)).status).toBe(200);
    await msrp.close();
  });

  test.each([
    ['nothing', undefined],
    ['no MSRP', 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'],
    ['a refusal', sdp(0, 'msrp://127.0.0.1:9/abcdefghijklmnopqrst;tcp')],
  ])('to a chat whose ACK brings %s is over with BYE', async (_, answer) => {
    const asked = await invite('oma.cpm.session');
    expect(asked.answer.status).toBe(200);
    acknowledge(asked, answer);
    const bye = await mallory.request('BYE', 20_000);
    expect(header(bye, 'Call-ID')).toBe(header(asked.invite, 'Call-ID'));
    mallory.answer(bye, 200, 'OK');
  });

  test('a body that may be left out is as none', async () => {
    const more = [['Content-Disposition', 'render;handling=optional']] as const;
    expect((await invite('oma.cpm.filetransfer', { type: 'application/unknownformat', text: 'x' }, more)).answer.status).toBe(488);
    const asked = await invite('oma.cpm.session', { type: 'application/unknownformat', text: 'x' }, more);
    expect([asked.answer.status, header(asked.answer, 'Content-Type')]).toEqual([200, 'application/sdp']);
    acknowledge(asked);
    mallory.answer(await mallory.request('BYE', 20_000), 200, 'OK');
  });

  test.each(['oma.cpm.filetransfer', 'oma.cpm.largemsg'] as const)('for %s is refused with 488', async (service) => {
    expect((await invite(service)).answer.status).toBe(488);
  });
});

describe.each(['oma.cpm.session', 'oma.cpm.filetransfer', 'oma.cpm.largemsg'] as const)(
  'a body that nobody understands, for %s',
  (service) => {
    const part = (type: string, disposition: string, text: string) =>
      `--b\r\nContent-Type: ${type}\r\nContent-Disposition: ${disposition}\r\n\r\n${text}\r\n`;
    const offer = part('application/sdp', 'session', sdp(9, 'msrp://127.0.0.1:9/abcdefghijklmnopqrst;tcp'));

    // RFC 4475 section 3.3.6 is the first
    test.each([
      ['an unknown type', 'application/unknownformat', '<audio>\r\n <pcmu port="443"/>\r\n</audio>\r\n'],
      [
        'an unknown type that must be understood',
        'multipart/mixed;boundary=b',
        `${offer}${part('a/b', 'x;handling=required', '')}--b--\r\n`,
      ],
      ['a multipart that is none', 'multipart/mixed;boundary=c', `${offer}--b--\r\n`],
    ])('%s is refused with 415 and what would be taken', async (_, type, text) => {
      const { answer } = await invite(service, { type, text });
      expect(answer.status).toBe(415);
      expect(header(answer, 'Accept')).toMatch(/^application\/sdp, /);
    });

    test('RFC 4475 section 3.3.15: who takes no answer with a description gets 406', async () => {
      const body = { type: 'application/sdp', text: sdp(9, 'msrp://127.0.0.1:9/abcdefghijklmnopqrst;tcp') };
      expect((await invite(service, body, [['Accept', 'text/nobodyKnowsThis']])).answer.status).toBe(406);
    });
  },
);
