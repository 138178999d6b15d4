import { beforeEach, describe, expect, test } from 'vitest';
import { IDLE_RELEASE_MS } from '../../../../electron/services/chat/chat-session.ts';
import { fromUtf8, utf8 } from '../../../../shared/base/bytes.ts';
import { ParleyError } from '../../../../shared/base/errors.ts';
import { contactFeature } from '../../../../shared/protocol/cpm/names.ts';
import { settle } from '../../../harness/manual-clock.ts';
import { temporaryFolder } from '../../../harness/temporary-folder.ts';
import { headerOf, sipExample } from '../../../vectors/example.ts';
import { incomingReoffer } from '../stage.ts';
import { BOB, bobInvites, CPIM, chatStage, ok, refusal, TARGET } from './stage.ts';

const root = temporaryFolder();
let scene: ReturnType<typeof chatStage>;
beforeEach(() => {
  scene = chatStage(root);
});
const rejects =
  (code: string, detail = '') =>
  () =>
    Promise.reject(new ParleyError(code as 'msrp.lost', detail));
const opened = async () => {
  scene.answers(ok());
  expect(await scene.send()).toEqual({ kind: 'accepted' });
};

describe('a session is started as in flow F05', () => {
  test('R-SES-02 R-SES-03 R-SES-07 R-SES-11: with the header fields of F05-01 that are not the agent’s own', async () => {
    await opened();
    const example = sipExample('F05-01.sip');
    const request = scene.invites[0]?.request;
    expect(example.startLine).toBe(`INVITE ${request?.target} SIP/2.0`);
    for (const { name, value } of request?.headers ?? []) {
      if (name === 'Contribution-ID') expect(value).toMatch(/^[0-9a-f-]{36}$/);
      else expect(value, name).toBe(headerOf(example, name));
    }
    expect(request?.headers.map(({ name }) => name).sort()).toEqual(
      ['Accept-Contact', 'P-Preferred-Service', 'P-Preferred-Identity', 'Conversation-ID', 'Contribution-ID'].sort(),
    );
    expect(headerOf(example, 'Contact').endsWith(`;${request?.contactParameters}`)).toBe(true);
  });

  test('R-SES-12: with its session description, line for line but for names and numbers of the session', async () => {
    await opened();
    const example = fromUtf8(sipExample('F05-01.sip').body)
      .replace(/^o=.*/m, 'o=')
      .replace(/^a=path:.*/m, 'a=path');
    const sent = fromUtf8(scene.invites[0]?.request.body ?? utf8(''));
    expect(
      sent
        .replace(/^o=.*/m, 'o=')
        .replace(/^a=path:.*/m, 'a=path')
        .replace(/a=max-size:\d+\r\n/, ''),
    ).toBe(example);
  });

  test('the answer of F05-04 makes this end the one that connects, to the path that stands there', async () => {
    await opened();
    expect(scene.sessions[0]?.connected).toMatchObject({
      role: 'active',
      remotePath: ['msrp://203.0.113.20:20600/w4qEkuVoG2Pywa5R8iof;tcp'],
      via: undefined,
    });
  });

  test('CEMA: where both have it and the m-line names another place, the connection goes there and To-Path stays', async () => {
    scene.answers(
      ok(fromUtf8(ok().body).replace('c=IN IP4 203.0.113.20', 'c=IN IP4 198.51.100.7').replace('m=message 20600', 'm=message 40000')),
    );
    await scene.send();
    expect(scene.sessions[0]?.connected).toMatchObject({
      via: { host: '198.51.100.7', port: 40_000 },
      remotePath: ['msrp://203.0.113.20:20600/w4qEkuVoG2Pywa5R8iof;tcp'],
    });
  });

  test('CEMA: where the other side lacks it the path is where the connection goes', async () => {
    scene.answers(ok(fromUtf8(ok().body).replace('a=msrp-cema\r\n', '').replace('c=IN IP4 203.0.113.20', 'c=IN IP4 198.51.100.7')));
    await scene.send();
    expect(scene.sessions[0]?.connected?.via).toBeUndefined();
  });

  test('an active answer makes this end wait', async () => {
    scene.answers(ok(fromUtf8(ok().body).replace('setup:passive', 'setup:active')));
    await scene.send();
    expect(scene.sessions[0]?.connected?.role).toBe('passive');
  });
});

describe('one session', () => {
  test('carries every text of the conversation, mine or theirs', async () => {
    await opened();
    await scene.send();
    expect([scene.invites.length, scene.sessions[0]?.events]).toEqual([1, ['SEND message/cpim', 'SEND message/cpim']]);
  });

  test('that the peer started carries mine, too', async () => {
    const call = bobInvites();
    await scene.service.invited(call.invite, 'oma.cpm.session');
    expect(await scene.send()).toEqual({ kind: 'accepted' });
    expect([scene.invites.length, call.said]).toEqual([0, ['200']]);
  });

  test('is let go of after five minutes in which nothing was said, and the next text makes another one', async () => {
    await opened();
    await scene.clock.advance(IDLE_RELEASE_MS - 1000);
    await scene.send();
    await scene.clock.advance(IDLE_RELEASE_MS - 1);
    expect(scene.invites[0]?.ends).toBe(0);
    await scene.clock.advance(1);
    expect([scene.invites[0]?.ends, scene.sessions[0]?.events.at(-1), scene.over]).toEqual([1, 'closed', [BOB]]);
    await scene.send();
    expect(scene.invites).toHaveLength(2);
    expect(scene.invites.map(({ request }) => request.headers.find(({ name }) => name === 'Conversation-ID')?.value)).toEqual([
      TARGET.cpmConversationId,
      TARGET.cpmConversationId,
    ]);
  });

  test('ends with the app, one that is still asked for with it', async () => {
    await opened();
    scene.asks();
    const waiting = scene.service.send({ ...TARGET, peer: 'sip:carol@home2.example' }, scene.link, CPIM, 0);
    await settle();
    scene.service.stop();
    expect(scene.invites.map(({ ends }) => ends)).toEqual([1, 1]);
    expect(await waiting).toMatchObject({ kind: 'postponed', whenOnline: true });
    expect(await scene.send()).toMatchObject({ kind: 'postponed', whenOnline: true });
  });

  test('that the peer hangs up is not used again', async () => {
    await opened();
    scene.invites[0]?.ended.emit({ by: 'remote', error: null });
    expect(scene.service.openWith(BOB)).toBeNull();
    await scene.send();
    expect(scene.invites).toHaveLength(2);
  });

  test('whose MSRP connection is lost gets its BYE', async () => {
    await opened();
    scene.sessions[0]?.handlers.onClosed({ code: 'msrp.lost', detail: 'reset' });
    expect([scene.invites[0]?.ends, scene.service.openWith(BOB)]).toEqual([1, null]);
  });

  test('of a peer that takes smaller messages leaves the larger ones alone', async () => {
    scene.answers(ok(fromUtf8(ok().body).replace('a=setup', 'a=max-size:20\r\na=setup')));
    expect(await scene.send()).toMatchObject({ kind: 'standalone', barredMs: 0, why: { code: 'peer.too-large' } });
  });

  test('is one at a time, however many ask for it at once', async () => {
    const both = [scene.send(), scene.send()];
    await settle();
    expect(scene.invites).toHaveLength(1);
    scene.invites[0]?.answer(ok());
    expect(await Promise.all(both)).toEqual([{ kind: 'accepted' }, { kind: 'accepted' }]);
  });
});

describe('R-AD-08: a chat whose other side describes it anew', () => {
  const FILE = [
    'm=message 20700 TCP/MSRP *',
    'a=sendonly',
    'a=accept-types:message/cpim image/png',
    'a=path:msrp://203.0.113.20:20700/file0123456789;tcp',
    'a=setup:actpass',
    'a=file-selector:name:"x.png" type:image/png size:5',
    'a=file-transfer-id:theirs',
  ];
  const lines = (more: readonly string[]) => more.map((line) => `${line}\r\n`).join('');
  const ports = (text = '') => [...text.matchAll(/^m=\S+ (\d+)/gm)].map(([, port]) => Number(port));
  /** a second description of theirs */
  const anew = (text: string, more: readonly string[] = []) => text.replace(/^(o=\S+ \S+ )\d+/m, '$1999') + lines(more);
  const ask = (description: string) => {
    const said: string[] = [];
    scene.invites[0]?.reoffered.emit(incomingReoffer(description, said, said));
    return said;
  };
  const theirs = () => fromUtf8(ok().body);

  test('to add a file: that line gets port 0 with its id, the chat goes on as it is', async () => {
    await opened();
    const [answer, status] = ask(anew(theirs(), FILE));
    expect(status).toBe('200');
    expect(ports(answer)).toEqual([30012, 0]);
    expect(answer).toContain('a=file-transfer-id:theirs');
    expect(answer).toMatch(/a=setup:active/);
    // and takes it away again
    expect(ports(ask(anew(theirs(), [(FILE[0] as string).replace('20700', '0')]))[0])).toEqual([30012, 0]);
    expect(await scene.send()).toEqual({ kind: 'accepted' });
    expect(scene.invites).toHaveLength(1);
    expect(scene.sessions[0]?.events).not.toContain('closed');
  });

  test('in a session that they started, too', async () => {
    const call = bobInvites();
    await scene.service.invited(call.invite, 'oma.cpm.session');
    call.reoffer(anew(fromUtf8(sipExample('F05-01.sip').body), FILE));
    expect(call.said.at(-1)).toBe('200');
    expect(ports(call.answers[1])).toEqual([30012, 0]);
    const versions = call.answers.map((answer) => Number(/^o=\S+ \S+ (\d+)/m.exec(answer)?.[1]));
    expect(versions[1]).toBe((versions[0] ?? 0) + 1);
    expect(scene.sessions[0]?.events).not.toContain('closed');
  });

  test.each([
    ['to move it', (text: string) => text.replace(/^a=path:.*/m, 'a=path:msrp://203.0.113.20:20600/elsewhere0123456789;tcp')],
    ['to close it by port 0', (text: string) => text.replace(/^m=message \d+/m, 'm=message 0')],
    ['without it', (text: string) => text.slice(0, text.indexOf('m='))],
    ['in words that nobody understands', () => 'v=1'],
  ])('%s is refused, and it stays', async (_, change) => {
    await opened();
    expect(ask(change(theirs()))).toEqual(['488']);
    expect(await scene.send()).toEqual({ kind: 'accepted' });
    expect(scene.invites).toHaveLength(1);
  });
});

describe('a text whose session breaks under it', () => {
  test.each([
    ['msrp.lost', 'connection reset'],
    ['file.cancelled', 'session closed'],
    ['msrp.refused', '481 Session does not exist'],
    ['msrp.refused', '506 bound to another connection'],
  ])('%s %s: is said once more in another session, the same octets', async (code, detail) => {
    scene.answers(ok());
    const octets: unknown[] = [];
    scene.sends(async (message) => {
      octets.push(message.source);
      if (octets.length === 1) throw new ParleyError(code as 'msrp.lost', detail);
    });
    expect(await scene.send()).toEqual({ kind: 'accepted' });
    expect([scene.invites.length, scene.invites[0]?.ends, octets]).toEqual([2, 1, [CPIM, CPIM]]);
  });

  test('twice leaves without one', async () => {
    scene.answers(ok());
    scene.sends(rejects('msrp.lost'));
    expect(await scene.send()).toMatchObject({ kind: 'standalone' });
    expect(scene.invites).toHaveLength(2);
  });

  test('that nobody answers in 30 s leaves without one, and the session ends', async () => {
    scene.answers(ok());
    scene.sends(rejects('msrp.timeout'));
    expect(await scene.send()).toMatchObject({ kind: 'standalone', why: { code: 'msrp.timeout' } });
    expect([scene.invites.length, scene.invites[0]?.ends]).toEqual([1, 1]);
  });

  test.each([
    ['415 no', 'standalone', 'msrp.refused'],
    ['501 no', 'standalone', 'msrp.refused'],
    ['403 no', 'failed', 'peer.not-allowed'],
    ['400 no', 'failed', 'peer.malformed'],
    ['423 no', 'failed', 'peer.too-large'],
  ])('MSRP %s: %s', async (detail, kind, code) => {
    scene.answers(ok());
    scene.sends(rejects('msrp.refused', detail));
    const outcome = await scene.send();
    expect(outcome).toMatchObject(kind === 'failed' ? { kind, error: { code } } : { kind, why: { code } });
  });

  test('MSRP 413 is tried again, and means no in the end', async () => {
    scene.answers(ok());
    scene.sends(rejects('msrp.stopped'));
    expect(await scene.send()).toMatchObject({ kind: 'postponed' });
    expect(await scene.send(5)).toMatchObject({ kind: 'failed', error: { code: 'peer.declined' } });
  });
});

describe('where no session comes about', () => {
  test.each([400, 403, 405, 406, 408, 413, 415, 420, 480, 486, 487, 500, 501, 502, 504, 302])(
    '%i speaks of the session: the text leaves without one',
    async (status) => {
      scene.answers(refusal(status));
      const outcome = await scene.send();
      expect(outcome.kind).toBe('standalone');
      expect((outcome as { barredMs: number }).barredMs).toBeGreaterThan(0);
    },
  );

  test.each([
    [404, 'failed', 'peer.unknown'],
    [604, 'failed', 'peer.unknown'],
    [600, 'failed', 'peer.declined'],
    [603, 'failed', 'peer.declined'],
    [503, 'postponed', 'link.server'],
  ])('%i speaks of the text itself: %s', async (status, kind, code) => {
    scene.answers(refusal(status, [{ name: 'Retry-After', value: '7' }]));
    expect(await scene.send()).toMatchObject({ kind, error: { code } });
  });

  test.each([488, 606])('%i is asked again without CEMA, once', async (status) => {
    scene.answers(refusal(status));
    expect(await scene.send()).toMatchObject({ kind: 'standalone' });
    const offers = scene.invites.map(({ request }) => fromUtf8(request.body).includes('a=msrp-cema'));
    expect(offers).toEqual([true, false]);
  });

  test('a peer that rings for too long gets CANCEL', async () => {
    const sending = scene.send();
    await settle();
    await scene.clock.advance(20_000);
    expect(await sending).toMatchObject({ kind: 'standalone', why: { code: 'peer.timeout' } });
    expect(scene.invites[0]?.ends).toBe(1);
  });

  test.each([
    ['no description', 'nonsense'],
    ['port 0', fromUtf8(ok().body).replace('m=message 20600', 'm=message 0')],
    ['no path', fromUtf8(ok().body).replace(/a=path:.*\r\n/, '')],
    ['no texts', fromUtf8(ok().body).replace('a=accept-types:message/cpim', 'a=accept-types:image/png')],
    ['a direction in which nothing comes', fromUtf8(ok().body).replace('a=sendrecv', 'a=sendonly')],
  ])('an answer with %s is ended, and the text leaves without a session', async (_, body) => {
    scene.answers(ok(body));
    expect(await scene.send()).toMatchObject({ kind: 'standalone' });
    expect([scene.invites[0]?.ends, scene.sessions[0]?.events]).toEqual([1, ['closed']]);
  });

  test('an MSRP end that never connects is given up after ten seconds', async () => {
    scene.answers(ok());
    scene.connects(() => new Promise(() => undefined));
    const sending = scene.send();
    await settle();
    await scene.clock.advance(10_000);
    expect(await sending).toMatchObject({ kind: 'standalone' });
    expect(scene.invites[0]?.ends).toBe(1);
  });

  test('a lost link leaves the text waiting for the next one', async () => {
    const sending = scene.send();
    await settle();
    scene.invites[0]?.fail(new ParleyError('link.lost', 'gone'));
    expect(await sending).toMatchObject({ kind: 'postponed', whenOnline: true });
  });
});

describe('invitations that cross', () => {
  // Alice's address sorts before Bob's, and behind that of this one
  const AARON = 'sip:aaron@home2.example';

  test('ours stands where our address sorts first: theirs waits for the answer, and is not needed then', async () => {
    const sending = scene.send();
    await settle();
    const call = bobInvites();
    const invited = scene.service.invited(call.invite, 'oma.cpm.session');
    await settle();
    expect(call.said).toEqual([]);
    scene.invites[0]?.answer(ok());
    expect(await sending).toEqual({ kind: 'accepted' });
    await invited;
    expect([call.said, scene.invites.map(({ ends }) => ends)]).toEqual([['486'], [0]]);
  });

  test('ours comes to nothing: theirs is taken', async () => {
    const sending = scene.send();
    await settle();
    const call = bobInvites();
    const invited = scene.service.invited(call.invite, 'oma.cpm.session');
    await settle();
    scene.invites[0]?.answer(refusal(486));
    expect(await sending).toMatchObject({ kind: 'standalone' });
    await invited;
    expect(call.said).toEqual(['200']);
    expect(await scene.send()).toEqual({ kind: 'accepted' });
  });

  test('a peer that answers neither of them first gets both', async () => {
    const sending = scene.send();
    await settle();
    const call = bobInvites();
    const invited = scene.service.invited(call.invite, 'oma.cpm.session');
    await scene.clock.advance(3000);
    await invited;
    expect(call.said).toEqual(['200']);
    scene.invites[0]?.answer(ok());
    expect(await sending).toEqual({ kind: 'accepted' });
  });

  test('theirs stands where their address sorts first: ours is cancelled, and the text leaves in theirs', async () => {
    const sending = scene.service.send({ ...TARGET, peer: AARON }, scene.link, CPIM, 0);
    await settle();
    const call = bobInvites({ from: AARON });
    await scene.service.invited(call.invite, 'oma.cpm.session');
    expect([await sending, call.said, scene.invites[0]?.ends]).toEqual([{ kind: 'accepted' }, ['200'], 1]);
    expect([scene.invites.length, scene.sessions.at(-1)?.events]).toEqual([1, ['SEND message/cpim']]);
  });
});

describe('what others start', () => {
  const part = (type: string, body: string) => `--b\r\nContent-Type: ${type}\r\n\r\n${body}\r\n`;
  const withFirst = () => ({
    contentType: 'multipart/mixed;boundary=b',
    body: utf8(`${part('application/sdp', fromUtf8(sipExample('F05-01.sip').body))}${part('message/cpim', 'the first words')}--b--\r\n`),
  });

  test('a message beside the offer is there before the 200', async () => {
    const call = bobInvites(withFirst());
    scene.takes(async () => expect(call.said).toEqual([]));
    await scene.service.invited(call.invite, 'oma.cpm.session');
    expect(call.said).toEqual(['200']);
    expect(scene.taken.map(({ envelope, type, body }) => [envelope.peer, type, body])).toEqual([[BOB, 'message/cpim', 'the first words']]);
  });

  test('one that cannot be kept now has the peer come again; one that nobody can read does not keep the session from being', async () => {
    scene.takes(rejects('store.full'));
    const full = bobInvites(withFirst());
    await scene.service.invited(full.invite, 'oma.cpm.session');
    scene.takes(rejects('cpim.malformed'));
    const odd = bobInvites(withFirst());
    await scene.service.invited(odd.invite, 'oma.cpm.session');
    expect([full.said, odd.said]).toEqual([['500'], ['200']]);
  });

  test('an offer that is no use is refused: other media, no path, the wrong address without CEMA', async () => {
    const sdp = fromUtf8(sipExample('F05-01.sip').body);
    const bodies = [
      sdp.replace('m=message 30012 TCP/MSRP', 'm=audio 30012 RTP/AVP'),
      sdp.replace(/a=path:.*\r\n/, ''),
      sdp.replace('a=msrp-cema\r\n', '').replace('c=IN IP4 192.0.2.10', 'c=IN IP4 198.51.100.7'),
      'v=1',
    ];
    for (const body of bodies) {
      const call = bobInvites({ body: utf8(body) });
      await scene.service.invited(call.invite, 'oma.cpm.session');
      expect(call.said, body).toEqual(['488']);
    }
    const none = bobInvites({ body: utf8(''), contentType: '' });
    await scene.service.invited(none.invite, 'oma.cpm.largemsg');
    expect(none.said).toEqual(['488']);
  });

  test('no offer is answered with ours, and the answer in the ACK is what the session is', async () => {
    const offered: string[] = [];
    const session = async (ack: { contentType: string; body: Uint8Array }) => {
      const call = bobInvites({ body: utf8(''), contentType: '' });
      const accept: typeof call.invite.accept = async (answer) => {
        await call.invite.accept(answer);
        offered.push(fromUtf8(answer.body));
        return ack;
      };
      await scene.service.invited({ ...call.invite, accept }, 'oma.cpm.session');
      return call.said;
    };
    const answer = sipExample('F05-04.sip').body;
    expect(await session({ contentType: 'application/sdp', body: utf8('') })).toEqual(['200', 'BYE']);
    expect(await session({ contentType: 'text/plain', body: answer })).toEqual(['200', 'BYE']);
    expect(
      await session({ contentType: 'application/sdp', body: utf8(fromUtf8(answer).replace(/^m=message \d+/m, 'm=message 0')) }),
    ).toEqual(['200', 'BYE']);
    expect(scene.service.openWith(BOB)).toBeNull();
    expect(await session({ contentType: 'application/sdp', body: answer })).toEqual(['200']);
    expect(offered[3]).toMatch(/^m=message \d+ TCP\/MSRP \*\r$/m);
    expect(offered[3]).toContain('a=setup:actpass');
    expect(scene.sessions.at(-1)?.connected?.remotePath).toEqual([/^a=path:(\S+)/m.exec(fromUtf8(answer))?.[1]]);
    expect(await scene.send()).toEqual({ kind: 'accepted' });
  });

  test('the answer tells the conversation again, and who connects: the end that can be connected to waits', async () => {
    const answers: Parameters<ReturnType<typeof bobInvites>['invite']['accept']>[0][] = [];
    const call = bobInvites({
      more: [
        { name: 'Conversation-ID', value: 'abc' },
        { name: 'Subject', value: 'x' },
      ],
    });
    const accept: typeof call.invite.accept = async (answer) => {
      answers.push(answer);
      return { contentType: '', body: utf8('') };
    };
    await scene.service.invited({ ...call.invite, accept }, 'oma.cpm.session');
    expect(answers[0]?.headers).toEqual([{ name: 'Conversation-ID', value: 'abc' }]);
    expect(answers[0]?.contactParameters).toBe(contactFeature(['oma.cpm.session']));
    const sdp = fromUtf8(answers[0]?.body ?? utf8(''));
    expect(sdp).toMatch(/a=setup:passive\r\na=msrp-cema/);
    expect(sdp).toContain(
      'a=accept-types:message/cpim application/im-iscomposing+xml\r\na=accept-wrapped-types:text/plain message/imdn+xml',
    );
  });

  test('a peer that opens sessions without end is told that it is enough', async () => {
    for (let at = 0; at < 8; at++) await scene.service.invited(bobInvites().invite, 'oma.cpm.session');
    const call = bobInvites();
    await scene.service.invited(call.invite, 'oma.cpm.session');
    expect(call.said).toEqual(['486']);
  });

  test('a large message is no chat: nothing is sent back in it', async () => {
    const call = bobInvites();
    await scene.service.invited(call.invite, 'oma.cpm.largemsg');
    expect([call.said, scene.service.openWith(BOB)]).toEqual([['200'], null]);
    scene.service.stop();
    expect(call.said).toEqual(['200', 'BYE']);
  });

  test('what comes in a session belongs to who is at its other end, whatever is written on it', async () => {
    const call = bobInvites();
    await scene.service.invited(call.invite, 'oma.cpm.session');
    const sink = scene.sessions[0]?.handlers.onMessage({
      messageId: 'm',
      contentType: 'message/cpim',
      total: 5,
      successReport: false,
      failureReport: 'yes',
      headers: [],
    });
    if (!sink || 'refuse' in sink) throw new Error('refused');
    sink.write(0, utf8('From:'));
    await sink.complete(5);
    expect(scene.taken[0]?.envelope.peer).toBe(BOB);
  });

  test('what is of a type that nobody takes is refused with 415', async () => {
    await scene.service.invited(bobInvites().invite, 'oma.cpm.session');
    const sink = scene.sessions[0]?.handlers.onMessage({
      messageId: 'm',
      contentType: 'image/png',
      total: 5,
      successReport: false,
      failureReport: 'yes',
      headers: [],
    });
    expect(sink).toEqual({ refuse: 415 });
  });
});

describe('R-SES-08: a text without a name', () => {
  const hidden = { ...TARGET, anonymous: true };

  test('leaves in a session of its own, which asks for privacy and carries nothing that has a name', async () => {
    await opened();
    expect(await scene.service.send(hidden, scene.link, CPIM, 0)).toEqual({ kind: 'accepted' });
    expect(scene.invites.map(({ request }) => request.headers.find(({ name }) => name === 'Privacy')?.value)).toEqual([undefined, 'id']);
    await scene.send();
    await scene.service.send(hidden, scene.link, CPIM, 0);
    expect(scene.sessions.map(({ events }) => events.length)).toEqual([2, 2]);
  });

  test('never leaves in one that the peer started', async () => {
    await scene.service.invited(bobInvites().invite, 'oma.cpm.session');
    scene.answers(ok());
    await scene.service.send(hidden, scene.link, CPIM, 0);
    expect(scene.invites).toHaveLength(1);
  });
});
