import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { headlessActions } from '../../../electron/headless/host-actions.ts';
import { type HeadlessServer, startServer } from '../../../electron/headless/server.ts';
import { fakeHosted } from '../../harness/fake-hosted.ts';
import { connectSocket } from '../../harness/socket-client.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const folder = temporaryFolder();
const page = join(folder, 'page');
const alice = fakeHosted(folder, 'alice', { host: headlessActions });
const bob = fakeHosted(folder, 'bob', { host: headlessActions, maxFileSize: 1000 });
const PNG = Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de', 'hex');

let server: HeadlessServer;
let port = 0;
const token = { alice: '', bob: '' };

beforeAll(async () => {
  mkdirSync(join(page, 'assets'), { recursive: true });
  writeFileSync(join(page, 'index.html'), '<!doctype html>');
  writeFileSync(join(page, 'assets', 'a-1_x.js'), 'let a');
  writeFileSync(join(folder, 'secret.json'), 'secret');
  writeFileSync(join(page, '.hidden.json'), 'secret');
  server = await startServer({ port: 0, page, log: () => {} });
  const [first, second] = [alice, bob].map((one) => new URL(server.serve(one).url));
  port = Number(first?.port);
  token.alice = first?.hash.replace('#token=', '') ?? '';
  token.bob = second?.hash.replace('#token=', '') ?? '';
});
afterAll(() => server.close());

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** `path` goes out as it is: no library tidies it up. */
function ask(path: string, options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path, method: options.method ?? 'GET', headers: options.headers ?? {} },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
        response.on('error', reject);
      },
    );
    asked.on('error', reject);
    asked.end(options.body);
  });
}

describe('the page', () => {
  it('is served to each account below its own name, with a strict policy and without a token', async () => {
    for (const name of ['alice', 'bob']) {
      const { status, headers } = await ask(`/${name}/`);
      expect(status).toBe(200);
      const policy = String(headers['content-security-policy']);
      expect(policy).toMatch(/default-src 'none'; script-src 'self'; style-src 'self'/);
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-type': 'text/html; charset=utf-8',
      });
    }
    expect((await ask('/alice/assets/a-1_x.js')).headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(await ask('/alice')).toMatchObject({ status: 308, headers: { location: '/alice/' } });
  });

  it.each([
    '/',
    '/carol/',
    '/alice/../secret.json',
    '/alice/..%2fsecret.json',
    '/alice/%2e%2e/secret.json',
    '/alice/..\\secret.json',
    '/alice//etc/passwd',
    '/alice/.hidden.json',
    '/alice/assets',
    '/alice/none.js',
    '/alice/%00.js',
    '/alice/%',
  ])('is all there is: %s is not found', async (path) => {
    const { status, body } = await ask(path);
    expect([400, 404]).toContain(status);
    expect(body.toString()).not.toContain('secret');
  });

  it('answers nothing but GET', async () => {
    expect((await ask('/alice/', { method: 'POST' })).status).toBe(405);
    expect((await ask('/alice/', { method: 'HEAD' })).body).toHaveLength(0);
  });
});

describe('who may ask', () => {
  it('a name that only resolves to this machine may not', async () => {
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:${port + 1}`, `[::1]:${port}`]) {
      expect((await ask('/alice/', { headers: { host } })).status).toBe(421);
      await expect(connectSocket(`ws://127.0.0.1:${port}/contract?token=${token.alice}`, { host })).rejects.toThrow('421');
    }
    expect((await ask('/alice/', { headers: { host: `localhost:${port}` } })).status).toBe(200);
  });

  it('a page of another origin may not, even with the token', async () => {
    const contract = `ws://127.0.0.1:${port}/alice/contract?token=${token.alice}`;
    for (const origin of ['http://evil.example', 'null', `http://127.0.0.1:${port + 1}`, `https://127.0.0.1:${port}`, 'file://']) {
      await expect(connectSocket(contract, { origin })).rejects.toThrow('403');
      expect((await ask(`/files?token=${token.alice}&name=a`, { method: 'POST', headers: { origin }, body: 'x' })).status).toBe(403);
    }
    expect((await ask(`/saved/1?token=${token.alice}`, { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
    (await connectSocket(contract, { origin: `http://127.0.0.1:${port}` })).close();
  });

  it('nobody without the right token may, nor with that of another account', async () => {
    for (const bad of ['', `?token=`, `?token=${token.alice}x`, `?token=${token.alice.slice(1)}`, '?token=%00', `?token=${token.bob}`]) {
      for (const path of ['contract', 'preview/1', 'saved/1']) expect((await ask(`/alice/${path}${bad}`)).status).toBe(403);
      expect((await ask(`/alice/files${bad}`, { method: 'POST', body: 'x' })).status).toBe(403);
      await expect(connectSocket(`ws://127.0.0.1:${port}/alice/contract${bad}`)).rejects.toThrow('403');
    }
    expect(token.alice).toMatch(/^[\w-]{32}$/);
    expect(token.alice).not.toBe(token.bob);
  });

  it('who may not is let go, though it never ends what it began to send', async () => {
    for (const line of ['POST /alice/files?token=wrong', 'POST /alice/', 'POST /nobody/']) {
      const socket = connect(port, '127.0.0.1');
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.on('error', () => {}).resume();
      socket.write(`${line} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 1000000000\r\n\r\nx`);
      const trickle = setInterval(() => socket.write('x'), 1000);
      await closed;
      clearInterval(trickle);
    }
  });

  it('the token of an account that has left opens nothing, its pages are let go, and coming back it has another one', async () => {
    const carol = fakeHosted(folder, 'carol', { host: headlessActions });
    const first = server.serve(carol);
    expect(server.serve(carol)).toEqual(first);
    const channel = await connectSocket(first.contract);
    const gone = new Promise<void>((resolve) => channel.onClose(resolve));
    server.end('carol');
    await expect(connectSocket(first.contract)).rejects.toThrow('403');
    expect((await ask('/carol/')).status).toBe(404);
    await gone;
    const again = server.serve(carol);
    expect(again.url).not.toBe(first.url);
    await expect(connectSocket(first.contract)).rejects.toThrow('403');
    (await connectSocket(again.contract)).close();
    server.end('carol');
  });

  it('the token alone says whose core it is', async () => {
    for (const [name, expected] of [
      ['alice', 'sip:alice@parley.example'],
      ['bob', 'sip:bob@parley.example'],
    ] as const) {
      const channel = await connectSocket(`ws://127.0.0.1:${port}/contract?token=${token[name]}`);
      const answer = new Promise<string>((resolve) => channel.onText(resolve));
      channel.send('{"id":"1","method":"app.state","params":{}}');
      expect(JSON.parse(await answer).result.account.address).toBe(expected);
      channel.close();
    }
  });

  it('nobody on another machine: it listens on loopback only', async () => {
    const others = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    for (const { address } of others.filter(({ internal, family }) => !internal && family === 'IPv4')) {
      await expect(
        new Promise((resolve, reject) => connect(port, address, () => resolve('open')).once('error', (error) => reject(error))),
      ).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    }
  });

  it('a second upgrade path is none: only the contract is a WebSocket', async () => {
    await expect(connectSocket(`ws://127.0.0.1:${port}/files?token=${token.alice}`)).rejects.toThrow('403');
    expect((await ask(`/contract?token=${token.alice}`)).status).toBe(426);
  });

  it('a page that sends octets in place of text, or too much of it, is let go', async () => {
    for (const [data, code] of [
      [Buffer.from('x'), 1003],
      ['x'.repeat(3 * 1024 * 1024 + 1), 1009],
    ] as const) {
      const { socket } = await connectSocket(`ws://127.0.0.1:${port}/contract?token=${token.alice}`);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.send(data);
      expect(await closed).toBe(code);
    }
  });
});

describe('files', () => {
  const upload = (name: string, body: string | Buffer, who: 'alice' | 'bob' = 'alice', headers = {}) =>
    ask(`/files?token=${token[who]}&name=${encodeURIComponent(name)}`, { method: 'POST', body, headers });

  it('an upload becomes a picked file with a clean name', async () => {
    const { status, body } = await upload('../../über\u202Egpj.exe', 'abc');
    expect(status).toBe(200);
    const candidate = JSON.parse(body.toString());
    expect(candidate).toMatchObject({ size: 3, token: expect.any(String) });
    expect(candidate.name).not.toMatch(/[/\\\u202E]/);
    expect(candidate.name).toMatch(/^über.*\.exe$/);
    expect(body.toString()).not.toContain(folder);
  });

  it('R-FT-10: one over the Max File Transfer Size is refused, announced or not, and leaves nothing', async () => {
    const uploads = join(bob.paths.data, 'uploads');
    expect((await upload('ok', 'x'.repeat(1000), 'bob')).status).toBe(200);
    const before = readdirSync(uploads);
    const announced = await upload('big', 'x'.repeat(1001), 'bob');
    expect([announced.status, JSON.parse(announced.body.toString()).code]).toEqual([413, 'file.too-large']);
    const chunked = await upload('big', 'x'.repeat(1001), 'bob', { 'transfer-encoding': 'chunked' });
    expect([chunked.status, JSON.parse(chunked.body.toString()).code]).toEqual([413, 'file.too-large']);
    expect(readdirSync(uploads)).toEqual(before);
  });

  it('an upload that breaks off leaves nothing', async () => {
    const uploads = join(alice.paths.data, 'uploads');
    mkdirSync(uploads, { recursive: true });
    const before = readdirSync(uploads).length;
    const socket = connect(port, '127.0.0.1');
    socket.write(`POST /files?token=${token.alice}&name=half HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 100\r\n\r\nhalf`);
    await expect.poll(() => readdirSync(uploads).length).toBe(before + 1);
    socket.destroy();
    await expect.poll(() => readdirSync(uploads).length).toBe(before);
  });

  it('a large one arrives with the same SHA-256 and goes back with it', async () => {
    const content = Buffer.alloc(8 * 1024 * 1024, 'parley');
    const candidate = JSON.parse((await upload('big.bin', content)).body.toString());
    const { id: conversationId } = await alice.client.handlers['conversations.open']({ address: 'sip:bob@parley.example' });
    const sent = await alice.client.handlers['files.send']({ conversationId, clientId: 'a-large-file-0001', token: candidate.token });
    const saved = await ask(`/alice/saved/${sent.transfer?.id}?token=${token.alice}`);
    expect(saved.status).toBe(200);
    expect(sha256(saved.body)).toBe(sha256(content));
    expect(saved.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="big.bin"; filename*=UTF-8''big.bin`,
      'x-content-type-options': 'nosniff',
    });
  });

  it('a download keeps any name inside its header', async () => {
    const path = join(folder, 'a"b; ü\'(1)*%.png');
    writeFileSync(path, PNG);
    alice.client.finished.set(900, path);
    const { headers } = await ask(`/saved/900?token=${token.alice}`);
    expect(headers['content-disposition']).toBe(
      `attachment; filename="a_b; _'(1)*_.png"; filename*=UTF-8''a%22b%3B%20%C3%BC%27%281%29%2A%25.png`,
    );
  });

  it('a picture is shown as what it is, and nothing else is shown', async () => {
    const picture = join(folder, 'picture.html');
    const script = join(folder, 'script.png');
    writeFileSync(picture, PNG);
    writeFileSync(script, '<script>1</script>');
    alice.client.finished.set(901, picture);
    alice.client.finished.set(902, script);
    const shown = await ask(`/preview/901?token=${token.alice}`);
    expect(shown).toMatchObject({ status: 200, headers: { 'content-type': 'image/png', 'x-content-type-options': 'nosniff' } });
    expect(shown.headers['content-security-policy']).toContain('sandbox');
    expect(shown.body).toEqual(readFileSync(picture));
    expect((await ask(`/preview/902?token=${token.alice}`)).status).toBe(204);
    expect((await ask(`/preview/901?token=${token.bob}`)).status).toBe(204);
  });

  it('R-FT-11: what was picked is shown to the page that picked it, for a thumbnail: a picture, or as much of a film as it asks for', async () => {
    const tokenOf = async (name: string, octets: Buffer) => JSON.parse((await upload(name, octets)).body.toString()).token as string;
    const picture = await tokenOf('a.txt', PNG);
    expect(await ask(`/preview/picked/${picture}?token=${token.alice}`)).toMatchObject({
      status: 200,
      headers: { 'content-type': 'image/png' },
      body: PNG,
    });
    expect((await ask(`/preview/picked/${picture}?token=${token.bob}`)).status).toBe(404);
    const film = Buffer.concat([Buffer.from('0000001866747970697336f6d0000000006973366d69736f32', 'hex'), Buffer.alloc(1000, 7)]);
    film.write('ftypisom', 4, 'latin1');
    const moving = `/preview/picked/${await tokenOf('a.mp4', film)}?token=${token.alice}`;
    expect(await ask(moving)).toMatchObject({ status: 200, headers: { 'content-type': 'video/mp4' }, body: film });
    expect(await ask(moving, { headers: { range: 'bytes=10-19' } })).toMatchObject({
      status: 206,
      headers: { 'content-range': `bytes 10-19/${film.length}`, 'content-length': '10' },
      body: film.subarray(10, 20),
    });
    expect((await ask(moving, { headers: { range: 'bytes=99999-' } })).status).toBe(416);
    expect((await ask(`/preview/picked/${await tokenOf('a.png', Buffer.from('<svg/>'))}?token=${token.alice}`)).status).toBe(204);
    for (const none of ['thumbnail/7', 'picked/../1']) {
      expect((await ask(`/preview/${none}?token=${token.alice}`)).status, none).toBe(204);
    }
    for (const odd of ['picked/unknown', 'picked', 'thumbnail/0', 'other/1']) {
      expect((await ask(`/preview/${odd}?token=${token.alice}`)).status, odd).toBe(404);
    }
  });

  it.each([
    ['preview', 204],
    ['saved', 404],
  ])('%s of what is not there says so', async (what, status) => {
    alice.client.finished.set(903, join(folder, 'gone.png'));
    for (const id of ['1234567', '903']) expect((await ask(`/${what}/${id}?token=${token.alice}`)).status).toBe(status);
    for (const id of ['0', '-1', '1.5', 'x', '1/..', '99999999999999999999']) {
      expect((await ask(`/${what}/${id}?token=${token.alice}`)).status).toBe(404);
    }
    expect((await ask(`/${what}?token=${token.alice}`)).status).toBe(404);
  });

  it('outside of a download nothing is opened: the desktop is refused', async () => {
    alice.client.finished.set(904, join(folder, 'picture.html'));
    for (const action of ['transfers.open', 'transfers.showInFolder'] as const) {
      await expect(alice.client.handlers[action]({ transferId: 904 })).rejects.toMatchObject({ code: 'request.invalid' });
    }
    await expect(alice.client.handlers['files.choose']({})).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(alice.client.handlers['links.open']({ url: 'http://a.example' })).rejects.toMatchObject({ code: 'request.invalid' });
  });
});

it('a port in use is said with a code', async () => {
  await expect(startServer({ port, page, log: () => {} })).rejects.toMatchObject({ code: 'link.unreachable' });
});

function sha256(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}
