import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import type { IncomingMessage } from '../../../electron/sip/port.ts';
import { concatBytes, fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { encodeSip } from '../../../shared/protocol/sip/codec.ts';
import { header, headers } from '../../../shared/protocol/sip/message.ts';
import { requestOf } from '../../harness/scripted-sip-server.ts';
import { abandoned, GRUU, INSTANCE, pagerMessage, pass, TEMPORARY_GRUU, useStage } from './stage.ts';

const stage = useStage();

describe('MESSAGE out', () => {
  test('R-PM-01 R-PM-02 R-PM-03 R-PM-05 R-PM-14: it is the MESSAGE of example F02-01', async () => {
    const { agent, connection } = await stage.registered();
    const pending = agent.message(pagerMessage());
    const message = await connection.request('MESSAGE');
    expect(message.uri).toBe('sip:bob@home2.example');
    expect(header(message, 'Via')).toMatch(/^SIP\/2\.0\/TCP 127\.0\.0\.1:[0-9]+;branch=z9hG4bK[^;]+;rport$/);
    expect(header(message, 'Route')).toBe(`<sip:127.0.0.1:${stage.server.port};transport=tcp;lr>, <sip:orig@scscf.home1.example;lr>`);
    expect(header(message, 'From')).toMatch(/^<sip:alice@home1\.example>;tag=[\w-]{16}$/);
    expect(header(message, 'To')).toBe('<sip:bob@home2.example>');
    expect(header(message, 'Accept-Contact')).toContain('oma.cpm.msg');
    expect(header(message, 'P-Preferred-Identity')).toBe('<sip:alice@home1.example>');
    expect(header(message, 'Contact')).toBe(`<${GRUU}>;+sip.instance="<${INSTANCE}>"`);
    expect(header(message, 'User-Agent')).toBe('CPM-client/OMA2.0 Parley/0.1.0 (Linux x86_64)');
    expect(header(message, 'Content-Type')).toBe('message/cpim');
    expect(message.body).toEqual(pagerMessage().body);
    expect(connection.textOf(message)).toContain(`Content-Length: ${pagerMessage().body.length}\r\n\r\n`);
    connection.reply(message, 202, { reason: 'Accepted', headers: [['X-Note', 'kept']], body: utf8('später') });
    const answer = await pending;
    expect(answer).toMatchObject({ status: 202, reason: 'Accepted' });
    expect(answer.headers).toContainEqual({ name: 'X-Note', value: 'kept' });
    expect(fromUtf8(answer.body)).toBe('später');
  });

  test('without contactParameters there is no Contact, and with some they follow the instance', async () => {
    const { agent, connection } = await stage.registered();
    abandoned(agent.message(pagerMessage({ contactParameters: null })));
    expect(headers(await connection.request('MESSAGE'), 'Contact')).toEqual([]);
    abandoned(agent.message(pagerMessage({ contactParameters: '+g.oma.sip-im' })));
    expect(header(await connection.request('MESSAGE'), 'Contact')).toBe(`<${GRUU}>;+sip.instance="<${INSTANCE}>";+g.oma.sip-im`);
  });

  test('a display name is quoted in From, and not in To', async () => {
    const { agent, connection } = await stage.registered({ displayName: 'Älice "A" Ör\\l' });
    abandoned(agent.message(pagerMessage()));
    const message = await connection.request('MESSAGE');
    expect(header(message, 'From')).toMatch(/^"Älice \\"A\\" Ör\\\\l" <sip:alice@home1\.example>;tag=/);
    expect(header(message, 'To')).toBe('<sip:bob@home2.example>');
  });

  test('R-PM-06: with Privacy id it has no name, the temporary GRUU and no instance', async () => {
    const { agent, connection } = await stage.registered({ displayName: 'Alice' });
    abandoned(agent.message(pagerMessage({ headers: [{ name: 'Privacy', value: 'id' }] })));
    const message = await connection.request('MESSAGE');
    expect(header(message, 'From')).toMatch(/^"Anonymous" <sip:anonymous@anonymous\.invalid>;tag=/);
    expect(header(message, 'Contact')).toBe(`<${TEMPORARY_GRUU}>`);
  });

  test.each([GRUU, TEMPORARY_GRUU, 'sip:a;b=c&d@home2.example', 'tel:+15550100002', 'sip:Bob%40x@HOME2.example;maddr=192.0.2.1'])(
    'the target %s reaches Request-URI and To octet for octet',
    async (target) => {
      const { agent, connection } = await stage.registered();
      const pending = agent.message(pagerMessage({ target }));
      const message = await connection.request('MESSAGE');
      expect(message.uri).toBe(target);
      expect(header(message, 'To')).toBe(`<${target}>`);
      connection.reply(message, 200);
      await expect(pending).resolves.toMatchObject({ status: 200 });
    },
  );

  test.each([302, 404, 408, 415, 480, 503, 603])('a %i is an answer, not an error', async (status) => {
    const { agent, connection } = await stage.registered();
    const pending = agent.message(pagerMessage());
    connection.reply(await connection.request('MESSAGE'), status);
    await expect(pending).resolves.toMatchObject({ status });
  });

  test('octets of any kind survive in the body', async () => {
    const { agent, connection } = await stage.registered();
    const body = Uint8Array.from({ length: 5000 }, (_, at) => (at * 7) % 256);
    abandoned(agent.message(pagerMessage({ contentType: 'application/octet-stream', body })));
    expect((await connection.request('MESSAGE')).body).toEqual(body);
  });

  test('the server closing fails what waits with link.lost, and what comes later with link.offline', async () => {
    const { agent, connection } = await stage.registered();
    const pending = agent.message(pagerMessage());
    await connection.request('MESSAGE');
    connection.destroy();
    await expect(pending).rejects.toMatchObject({ code: 'link.lost' });
    await expect(agent.message(pagerMessage())).rejects.toMatchObject({ code: 'link.offline' });
  });

  test('no answer in 32 s is link.timeout', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { agent, connection } = await stage.registered();
      const pending = agent.message(pagerMessage());
      await connection.request('MESSAGE');
      const failed = expect(pending).rejects.toMatchObject({ code: 'link.timeout' });
      await pass(connection, 32_000);
      await failed;
    } finally {
      vi.useRealTimers();
    }
  });

  test.each([
    [{ headers: [{ name: 'Subject', value: 'a\r\nVia: x' }] }],
    [{ headers: [{ name: 'Subject', value: 'a\u0000' }] }],
    [{ headers: [{ name: 'Sub ject', value: 'a' }] }],
    [{ headers: [{ name: 'Via', value: 'a' }] }],
    [{ headers: [{ name: 'Subject', value: '\ud800' }] }],
    [{ contentType: 'text/plain\r\nX: y' }],
    [{ target: 'sip:bob@home2.example>\r\n' }],
    [{ target: 'bob' }],
    [{ contactParameters: 'a\nb' }],
  ])('what would break out of its line is refused: %j', async (overrides) => {
    const { agent, connection } = await stage.registered();
    await expect(agent.message(pagerMessage(overrides))).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(agent.invite(pagerMessage(overrides)).answer).rejects.toMatchObject({ code: 'request.invalid' });
    expect(connection.untaken).toEqual([]);
  });

  test('tags, Call-IDs and branches are long and never the same', async () => {
    const { agent, connection } = await stage.registered();
    const seen = new Set<string>();
    for (let count = 0; count < 50; count++) {
      abandoned(agent.message(pagerMessage()));
      const message = await connection.request('MESSAGE');
      const tag = /tag=(.*)$/.exec(header(message, 'From') ?? '')?.[1] ?? '';
      const branch = /branch=z9hG4bK([^;]*)/.exec(header(message, 'Via') ?? '')?.[1] ?? '';
      for (const token of [tag, branch, header(message, 'Call-ID') ?? '']) {
        expect(token.length).toBeGreaterThanOrEqual(16);
        seen.add(token);
      }
      connection.reply(message, 200);
    }
    expect(seen.size).toBe(150);
  });

  test('an answer with a branch of nobody, or with two Vias, is ignored', async () => {
    const { agent, connection } = await stage.registered();
    const pending = agent.message(pagerMessage());
    const message = await connection.request('MESSAGE');
    const forged = {
      ...message,
      headers: message.headers.map((field) =>
        field.name === 'Via' ? { name: 'Via', value: field.value.replace(/\.[^;]*;rport/, '.x;rport') } : field,
      ),
    };
    connection.reply(forged, 403);
    connection.reply({ ...message, headers: [...message.headers, { name: 'Via', value: 'SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKx' }] }, 403);
    connection.reply(message, 200);
    await expect(pending).resolves.toMatchObject({ status: 200 });
  });
});

const CPIM = 'From: <sip:bob@home2.example>\r\n\r\nContent-Type: text/plain\r\n\r\nhéllo €';

describe('MESSAGE in', () => {
  test.each([
    ['deflate', deflateSync],
    ['gzip', gzipSync],
  ])('a body packed by %s comes unpacked', async (coding, pack) => {
    const { agent, connection } = await stage.registered();
    const received: IncomingMessage[] = [];
    agent.events.onMessage((message) => {
      received.push(message);
      message.answer(200);
    });
    const parts = { uri: GRUU, callId: coding, branch: `z9hG4bK${coding}`, body: new Uint8Array(pack(CPIM)) };
    connection.send(
      requestOf('MESSAGE', {
        ...parts,
        headers: [
          ['Content-Type', 'message/cpim'],
          ['Content-Encoding', coding],
        ],
      }),
    );
    await connection.response(200, 'MESSAGE');
    expect(received.map(({ body }) => fromUtf8(body))).toEqual([CPIM]);
  });

  test('the listener gets it whole and answers it once', async () => {
    const { agent, connection } = await stage.registered();
    const received: IncomingMessage[] = [];
    agent.events.onMessage((message) => received.push(message));
    const request = requestOf('MESSAGE', {
      uri: GRUU,
      callId: 'c1@as.home2.example',
      branch: 'z9hG4bK91bbc67e659e',
      headers: [
        ['P-Asserted-Identity', '"Bob B." <sip:bob@home2.example>, <tel:+15550100002>'],
        ['Conversation-ID', '4ae47b2b'],
        ['Content-Type', 'message/cpim'],
      ],
      body: CPIM,
    });
    connection.send(request);
    await connection.until(() => received.length === 1);
    expect(received[0]).toMatchObject({
      from: 'sip:bob@home2.example',
      originator: 'sip:bob@home2.example',
      originatorName: 'Bob B.',
      callId: 'c1@as.home2.example',
      cseq: 1,
      contentType: 'message/cpim',
    });
    expect(received[0]?.headers).toContainEqual({ name: 'Conversation-ID', value: '4ae47b2b' });
    expect(fromUtf8(received[0]?.body ?? new Uint8Array())).toBe(CPIM);
    received[0]?.answer(200, 'OK', [{ name: 'X-Note', value: 'é' }]);
    received[0]?.answer(500);
    const answer = await connection.response(200, 'MESSAGE');
    expect(header(answer, 'Via')).toBe(header(request, 'Via'));
    expect(header(answer, 'From')).toBe(header(request, 'From'));
    expect(header(answer, 'To')).toMatch(/^<sip:alice@home1\.example>;tag=/);
    expect(header(answer, 'X-Note')).toBe('é');
    expect(headers(answer, 'Contact')).toEqual([]);
    expect(connection.untaken).toEqual([]);
  });

  test('one that comes twice is delivered once and answered the same again', async () => {
    const { agent, connection } = await stage.registered();
    const received: IncomingMessage[] = [];
    agent.events.onMessage((message) => received.push(message));
    const request = requestOf('MESSAGE', {
      uri: GRUU,
      callId: 'c2',
      branch: 'z9hG4bKtwice',
      headers: [['Content-Type', 'text/plain']],
      body: 'x',
    });
    connection.send(request);
    connection.send(request);
    await connection.until(() => received.length > 0);
    received[0]?.answer(200);
    const first = await connection.response(200, 'MESSAGE');
    connection.send(request);
    const second = await connection.response(200, 'MESSAGE');
    expect(second.headers).toEqual(first.headers);
    expect(received.length).toBe(1);
  });

  test('without a listener it is 480, and a listener that throws makes it 500', async () => {
    const { agent, connection } = await stage.registered();
    connection.send(requestOf('MESSAGE', { uri: GRUU, callId: 'c3', branch: 'z9hG4bKn1' }));
    await connection.response(480, 'MESSAGE');
    agent.events.onMessage(() => {
      throw new Error('listener');
    });
    connection.send(requestOf('MESSAGE', { uri: GRUU, callId: 'c4', branch: 'z9hG4bKn2' }));
    await connection.response(500, 'MESSAGE');
  });

  test.each([
    ['Bob', 'Bob'],
    ['"Bob \\"B\\""', 'Bob "B"'],
    ['Bøb Jürgensen', 'Bøb Jürgensen'],
    ['"Боб"', 'Боб'],
    ['', ''],
  ])('the name %s of From is read', async (written, name) => {
    const { agent, connection } = await stage.registered();
    const received = new Promise<IncomingMessage>((resolve) => agent.events.onMessage(resolve));
    connection.send(
      requestOf('MESSAGE', { uri: GRUU, callId: 'c5', branch: 'z9hG4bKname', from: `${written} <sip:bob@home2.example>;tag=t` }),
    );
    await expect(received).resolves.toMatchObject({ originatorName: name, originator: 'sip:bob@home2.example' });
  });

  test('a tel: author, compact names, folding and an address without brackets are understood', async () => {
    const { agent, connection } = await stage.registered();
    const received = new Promise<IncomingMessage>((resolve) => agent.events.onMessage(resolve));
    connection.write(
      [
        `MESSAGE sip:alice@home1.example SIP/2.0`,
        'v: SIP/2.0/TCP 192.0.2.7;branch=z9hG4bKcompact, SIP/2.0/TCP 192.0.2.8;branch=z9hG4bKlower',
        'f: tel:+15550100002;tag=t1',
        't: sip:alice@home1.example',
        'i: compact@x',
        'CSeq: 7',
        '  MESSAGE',
        'c: text/plain',
        'l: 2',
        '',
        'ok',
      ].join('\r\n'),
    );
    const message = await received;
    expect(message).toMatchObject({ from: 'tel:+15550100002', originator: 'tel:+15550100002', cseq: 7, contentType: 'text/plain' });
    message.answer(200);
    const answer = await connection.response(200);
    expect(headers(answer, 'Via')).toEqual(['SIP/2.0/TCP 192.0.2.7;branch=z9hG4bKcompact', 'SIP/2.0/TCP 192.0.2.8;branch=z9hG4bKlower']);
    expect(header(answer, 'To')).toMatch(/^<sip:alice@home1\.example>;tag=/);
  });

  test('octets count, not characters: split at every place, and several messages in one segment', async () => {
    const { agent, connection } = await stage.registered();
    const received: string[] = [];
    agent.events.onMessage((message) => {
      received.push(fromUtf8(message.body));
      message.answer(200);
    });
    const octets = (id: string): Uint8Array =>
      encodeSip(
        requestOf('MESSAGE', { uri: GRUU, callId: id, branch: `z9hG4bK${id}`, headers: [['Content-Type', 'text/plain']], body: 'héllo €' }),
      );
    const whole = octets('split');
    // each cut in a message of its own, with the rest of one and the start of the next in one segment
    for (let at = 1; at < whole.length; at += 1) {
      const next = octets(`s${at}`);
      connection.write(next.subarray(0, at));
      await new Promise((resolve) => setImmediate(resolve));
      connection.write(next.subarray(at));
      if (at % 50 === 0) await connection.until(() => received.length === at);
    }
    await connection.until(() => received.length === whole.length - 1);
    connection.write(concatBytes(['a', 'b', 'c', 'd'].map(octets)));
    await connection.until(() => received.length === whole.length + 3);
    expect(new Set(received)).toEqual(new Set(['héllo €']));
  });
});

describe('OPTIONS out', () => {
  test('it is the OPTIONS of example F23-01: what this device can do itself, and no body', async () => {
    const { agent, connection } = await stage.registered();
    const feature = '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"';
    const pending = agent.options({ target: 'sip:bob@home2.example', headers: [{ name: 'Accept-Contact', value: feature }] });
    const request = await connection.request('OPTIONS');
    expect(request.uri).toBe('sip:bob@home2.example');
    expect(header(request, 'Contact')).toContain(`<${GRUU}>;+sip.instance="<${INSTANCE}>";+g.3gpp.icsi-ref="urn%3Aurn-7`);
    expect(header(request, 'Accept')).toContain('application/sdp');
    expect(headers(request, 'Allow')).toContain('UPDATE');
    expect(headers(request, 'Supported')).toEqual(['timer', 'gruu']);
    expect([header(request, 'Content-Type'), request.body.length]).toEqual([null, 0]);
    connection.reply(request, 200, { headers: [['Contact', '<sip:bob@192.0.2.1>;+g.oma.sip-im']] });
    expect((await pending).headers).toContainEqual({ name: 'Contact', value: '<sip:bob@192.0.2.1>;+g.oma.sip-im' });
  });

  test('a refusal is an answer, too; a header that is not the caller’s to set is refused', async () => {
    const { agent, connection } = await stage.registered();
    const pending = agent.options({ target: 'sip:bob@home2.example', headers: [] });
    connection.reply(await connection.request('OPTIONS'), 480);
    expect((await pending).status).toBe(480);
    await expect(agent.options({ target: 'sip:bob@home2.example', headers: [{ name: 'Contact', value: '*' }] })).rejects.toThrow(
      'request.invalid',
    );
  });
});
