import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type DigestHash, decodeCredentials, digestResponse } from '../../../shared/protocol/sip/digest.ts';
import { header, headers, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { ScriptedConnection } from '../../harness/scripted-sip-server.ts';
import { abandoned, bindingHeaders, fileInvite, pagerMessage, useStage } from './stage.ts';

const stage = useStage();

const NODE_NAMES = { MD5: 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256' } as const;
const hash = (algorithm: DigestHash, octets: Uint8Array): string => createHash(NODE_NAMES[algorithm]).update(octets).digest('hex');

/** Checks a response as a server does, from what is on the wire and the password alone. */
function verified(
  request: SipRequest,
  name: 'Authorization' | 'Proxy-Authorization' = 'Authorization',
  password = 'Pa55-0rd',
): ReturnType<typeof decodeCredentials> {
  const credentials = decodeCredentials(header(request, name) ?? '');
  expect(credentials.uri).toBe(request.uri);
  expect(credentials.username).toBe('alice@home1.example');
  expect(credentials.response).toBe(digestResponse({ ...credentials, password, method: request.method, body: request.body }, hash));
  return credentials;
}

async function started(): Promise<{
  pending: Promise<unknown>;
  connection: ScriptedConnection;
  first: SipRequest;
  agent: ReturnType<typeof stage.agent>;
}> {
  const agent = stage.agent();
  const opened = stage.server.connection();
  const pending = agent.register();
  abandoned(pending);
  const connection = await opened;
  return { agent, pending, connection, first: await connection.request('REGISTER') };
}

const challenge = (fields: string): [string, string] => ['WWW-Authenticate', `Digest realm="home1.example", nonce="n1", ${fields}`];

describe('digest', () => {
  test.each([
    ['algorithm=MD5, qop="auth", opaque="o"', 'MD5', 'auth'],
    ['qop="auth"', 'MD5', 'auth'],
    ['algorithm=SHA-256, qop="auth"', 'SHA-256', 'auth'],
    ['algorithm=sha-256, qop="auth,auth-int"', 'sha-256', 'auth'],
    ['algorithm=SHA-512-256, qop="auth"', 'SHA-512-256', 'auth'],
    ['algorithm=SHA-256-sess, qop="auth"', 'SHA-256-sess', 'auth'],
    ['algorithm=MD5', 'MD5', null],
    ['algorithm=SHA-256, qop="auth-int"', 'SHA-256', 'auth-int'],
  ])('REGISTER answers %s', async (fields, algorithm, qop) => {
    const { connection, first, pending } = await started();
    expect(headers(first, 'Authorization')).toEqual([]);
    connection.reply(first, 401, { headers: [challenge(fields)] });
    const second = await connection.request('REGISTER');
    const credentials = verified(second);
    expect(credentials).toMatchObject({
      algorithm,
      qop,
      nc: qop === null ? null : '00000001',
      opaque: fields.includes('opaque') ? 'o' : null,
    });
    expect(header(second, 'CSeq')).toBe('2 REGISTER');
    expect(header(second, 'Call-ID')).toBe(header(first, 'Call-ID'));
    expect(header(second, 'From')).toBe(header(first, 'From'));
    expect(header(second, 'Via')).not.toBe(header(first, 'Via'));
    connection.reply(second, 200, { headers: bindingHeaders(second) });
    await pending;
  });

  test('of several challenges the strongest that is understood is answered, in any order and in one field', async () => {
    for (const offered of [
      [challenge('algorithm=SHA-256, qop="auth"'), challenge('algorithm=MD5, qop="auth"')],
      [challenge('algorithm=MD5, qop="auth"'), challenge('algorithm=SHA3-999, qop="auth"'), challenge('algorithm=SHA-256, qop="auth"')],
      [['WWW-Authenticate', `${challenge('algorithm=MD5')[1]}, ${challenge('algorithm=SHA-256, qop="auth"')[1]}`] as [string, string]],
      [
        ['WWW-Authenticate', 'Basic realm="x"'] as [string, string],
        ['WWW-Authenticate', 'Digest nonsense'] as [string, string],
        challenge('algorithm=SHA-256, qop="auth"'),
      ],
    ]) {
      const { connection, first } = await started();
      connection.reply(first, 401, { headers: offered });
      expect(verified(await connection.request('REGISTER')).algorithm).toBe('SHA-256');
    }
  });

  test('a challenge nobody understands is link.refused', async () => {
    const { connection, first, pending } = await started();
    connection.reply(first, 401, { headers: [challenge('algorithm=SHA3-999')] });
    await expect(pending).rejects.toMatchObject({ code: 'link.refused' });
  });

  test.each([
    [401, '', 'link.credentials'],
    // the password was right: field-notes, "wrong password" with the right one
    [403, '', 'link.refused'],
    [401, ', stale=true', 'link.server'],
  ])('%i%s after an answered challenge is %s', async (status, more, code) => {
    const { connection, first, pending } = await started();
    connection.reply(first, 401, { headers: [challenge('qop="auth"')] });
    for (let tries = more === '' ? 1 : 2; tries > 0; tries--) {
      connection.reply(await connection.request('REGISTER'), status, { headers: [challenge(`qop="auth"${more}`)] });
    }
    await expect(pending).rejects.toMatchObject({ code });
    expect(connection.untaken).toEqual([]);
  });

  test('stale=true is tried again with the new nonce, and only once', async () => {
    const { connection, first, pending } = await started();
    connection.reply(first, 401, { headers: [challenge('qop="auth"')] });
    const second = await connection.request('REGISTER');
    expect(verified(second).nonce).toBe('n1');
    connection.reply(second, 401, { headers: [['WWW-Authenticate', 'Digest realm="home1.example", nonce="n2", stale=TRUE, qop="auth"']] });
    const third = await connection.request('REGISTER');
    expect(verified(third)).toMatchObject({ nonce: 'n2', nc: '00000001' });
    connection.reply(third, 401, { headers: [['WWW-Authenticate', 'Digest realm="home1.example", nonce="n3", stale=true, qop="auth"']] });
    await expect(pending).rejects.toMatchObject({ code: 'link.server' });
  });

  test('a nonce is used again with a rising count, and by nextnonce replaced', async () => {
    const { agent, connection, first, pending } = await started();
    connection.reply(first, 401, { headers: [challenge('algorithm=SHA-256, qop="auth"')] });
    const second = await connection.request('REGISTER');
    connection.reply(second, 200, { headers: bindingHeaders(second) });
    await pending;
    const again = agent.register();
    const third = await connection.request('REGISTER');
    expect(verified(third)).toMatchObject({ nonce: 'n1', nc: '00000002' });
    connection.reply(third, 200, { headers: [...bindingHeaders(third), ['Authentication-Info', 'qop=auth, nextnonce="n9"']] });
    await again;
    const last = agent.unregister();
    const fourth = await connection.request('REGISTER');
    expect(verified(fourth)).toMatchObject({ nonce: 'n9', nc: '00000001' });
    connection.reply(fourth, 200);
    await last;
  });

  test('407 and then 401 in another realm are both answered, and the proxy is given its answer at once the next time', async () => {
    const { agent, connection } = await stage.registered();
    const pending = agent.message(pagerMessage());
    const first = await connection.request('MESSAGE');
    connection.reply(first, 407, { headers: [['Proxy-Authenticate', 'Digest realm="proxy", nonce="p1", algorithm=SHA-256, qop="auth"']] });
    const second = await connection.request('MESSAGE');
    verified(second, 'Proxy-Authorization');
    connection.reply(second, 401, { headers: [['WWW-Authenticate', 'Digest realm="other", nonce="w1", qop="auth"']] });
    const third = await connection.request('MESSAGE');
    expect(verified(third, 'Proxy-Authorization')).toMatchObject({ nonce: 'p1', nc: '00000002' });
    expect(verified(third)).toMatchObject({ realm: 'other' });
    expect(header(third, 'CSeq')).toBe('3 MESSAGE');
    expect(third.body).toEqual(first.body);
    connection.reply(third, 200);
    await expect(pending).resolves.toMatchObject({ status: 200 });
    abandoned(agent.message(pagerMessage()));
    const next = await connection.request('MESSAGE');
    expect(verified(next, 'Proxy-Authorization')).toMatchObject({ nonce: 'p1', nc: '00000003' });
    expect(headers(next, 'Authorization')).toEqual([]);
  });

  test('a MESSAGE refused for its credentials resolves with the refusal', async () => {
    const { agent, connection } = await stage.registered();
    const pending = agent.message(pagerMessage());
    const proxy: [string, string] = ['Proxy-Authenticate', 'Digest realm="proxy", nonce="p1", qop="auth"'];
    connection.reply(await connection.request('MESSAGE'), 407, { headers: [proxy] });
    connection.reply(await connection.request('MESSAGE'), 407, { headers: [proxy] });
    await expect(pending).resolves.toMatchObject({ status: 407 });
  });

  test('an INVITE challenged is acknowledged, then sent again with the same body, Call-ID and From tag, and its ACK has the credentials', async () => {
    const { agent, connection } = await stage.registered();
    const call = agent.invite(fileInvite());
    const first = await connection.request('INVITE');
    connection.reply(first, 407, { headers: [['Proxy-Authenticate', 'Digest realm="proxy", nonce="p1", algorithm=SHA-256, qop="auth"']] });
    expect(header(await connection.request('ACK'), 'Via')).toBe(header(first, 'Via'));
    const second = await connection.request('INVITE');
    const credentials = verified(second, 'Proxy-Authorization');
    expect(second.body).toEqual(first.body);
    expect(header(second, 'CSeq')).toBe('2 INVITE');
    expect([header(second, 'Call-ID'), header(second, 'From')]).toEqual([header(first, 'Call-ID'), header(first, 'From')]);
    connection.reply(second, 200, { headers: [['Contact', '<sip:bob@192.0.2.20>']] });
    await expect(call.answer).resolves.toMatchObject({ status: 200 });
    expect(decodeCredentials(header(await connection.request('ACK'), 'Proxy-Authorization') ?? '').response).toBe(credentials.response);
  });
});
