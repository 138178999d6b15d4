import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { systemResolver } from '../../../electron/sip/transport/resolver.ts';

const SRV = 33;
const NAPTR = 35;
const servers: Socket[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A name server that gives one record of that data to every question, or no answer at all. */
async function nameServer(answers: Readonly<Record<number, Buffer>>): Promise<string> {
  const server = createSocket('udp4');
  servers.push(server);
  server.on('message', (query, from) => {
    const end = query.indexOf(0, 12) + 5;
    const data = answers[query.readUInt16BE(end - 4)];
    if (data === undefined) return;
    const head = Buffer.from(query.subarray(0, end));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(1, 6);
    head.writeUInt16BE(0, 10);
    const record = Buffer.from([0xc0, 12, query[end - 4] ?? 0, query[end - 3] ?? 0, 0, 1, 0, 0, 0, 9, 0, data.length]);
    server.send(Buffer.concat([head, record, data]), from.port, from.address);
  });
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${server.address().port}`;
}

const text = (...parts: string[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.concat([Buffer.from([part.length]), Buffer.from(part)])));
const name = (dotted: string): Buffer => Buffer.concat([text(...dotted.split('.')), Buffer.from([0])]);

test('records come as the name service has them', async () => {
  const address = await nameServer({
    [NAPTR]: Buffer.concat([Buffer.from([0, 50, 0, 60]), text('s', 'SIPS+D2T', ''), name('_sips._tcp.example.com')]),
    [SRV]: Buffer.concat([Buffer.from([0, 1, 0, 2, 0x13, 0xc5]), name('edge.example.com')]),
  });
  const resolver = systemResolver([address]);
  expect(await resolver.naptr('example.com')).toMatchObject([
    { order: 50, preference: 60, flags: 's', service: 'SIPS+D2T', regexp: '', replacement: '_sips._tcp.example.com' },
  ]);
  expect(await resolver.srv('_sips._tcp.example.com')).toMatchObject([{ priority: 1, weight: 2, port: 5061, name: 'edge.example.com' }]);
});

test('name servers that drop a question are not waited for one after the other', async () => {
  const resolver = systemResolver([await nameServer({}), await nameServer({}), await nameServer({})]);
  await expect(resolver.naptr('example.com')).rejects.toMatchObject({ code: 'ECANCELLED' });
});

test('addresses come with the hosts file', async () => {
  expect(await systemResolver().addresses('localhost')).toEqual(expect.arrayContaining(['127.0.0.1']));
});
