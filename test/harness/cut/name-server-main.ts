import { createSocket } from 'node:dgram';

// A name server at argv[2] that knows one name, argv[3], with the address argv[2]. Messages of the parent set how it answers.
const [, , address = '', name = ''] = process.argv;
const A = 1;
const NAME_ERROR = 3;
const SERVER_FAILURE = 2;
/** how long `slow` takes, ms: longer than the client waits for NAPTR and SRV, shorter than the C library does */
const SLOW_MS = 3_000;

type Mood = 'quick' | 'slow' | 'failing' | 'silent';
let mood: Mood = 'quick';
process.on('message', (next: Mood) => {
  mood = next;
  process.send?.('set');
});
process.on('disconnect', () => process.exit(0));

const socket = createSocket('udp4');
socket.on('message', (query, from) => {
  if (mood === 'silent') return;
  const answer = mood === 'failing' ? reply(query, SERVER_FAILURE, null) : answerTo(query);
  setTimeout(() => socket.send(answer, from.port, from.address), mood === 'slow' ? SLOW_MS : 0);
});
socket.bind(53, address, () => process.send?.('ready'));

function answerTo(query: Buffer): Buffer {
  const end = query.indexOf(0, 12) + 5;
  const labels: string[] = [];
  for (let at = 12; query[at] !== 0 && at < end; at += 1 + (query[at] ?? 0))
    labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] ?? 0)));
  if (labels.join('.').toLowerCase() !== name) return reply(query, NAME_ERROR, null);
  return reply(query, 0, query.readUInt16BE(end - 4) === A ? Buffer.from(address.split('.').map(Number)) : null);
}

/** RFC 1035 section 4: the question repeated, and one record about its name */
function reply(query: Buffer, code: number, data: Buffer | null): Buffer {
  const end = query.indexOf(0, 12) + 5;
  const head = Buffer.from(query.subarray(0, end));
  head.writeUInt16BE(0x8180 | code, 2);
  head.writeUInt16BE(data === null ? 0 : 1, 6);
  head.writeUInt32BE(0, 8);
  if (data === null) return head;
  const record = Buffer.from([0xc0, 12, query[end - 4] ?? 0, query[end - 3] ?? 0, 0, 1, 0, 0, 0, 0, 0, data.length]);
  return Buffer.concat([head, record, data]);
}
