import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import { close, createReadStream, createWriteStream, openSync, read, write } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import type { Job, Side } from './job.ts';

/** One connection, which the copies over TLS have as well: whoever sends listens. */
export function listen({ secure }: Job): Promise<{ port: number; accepted: Promise<Socket> }> {
  return new Promise((resolve) => {
    const accepted = new Promise<Socket>((accept) => {
      const take = (socket: Socket): void => {
        server.close();
        accept(socket);
      };
      const server = secure === undefined ? createServer({ noDelay: true }, take) : createTlsServer({ noDelay: true, ...secure }, take);
      server.listen(0, '127.0.0.1', () => resolve({ port: (server.address() as AddressInfo).port, accepted }));
    });
  });
}

function hashOf(job: Job): Pick<Hash, 'update' | 'digest'> {
  return job.sha256 === null ? { update: () => null as never, digest: () => null as never } : createHash('sha256');
}

function assertHash(digest: string, job: Job): void {
  if (digest !== job.sha256) throw new Error('wrong hash');
}

/** A pass-through that hashes: what one would write first. */
function hashing(job: Job): Transform {
  const hash = hashOf(job);
  return new Transform({
    transform(octets: Buffer, _encoding, done) {
      hash.update(octets);
      done(null, octets);
    },
    flush(done) {
      assertHash(hash.digest('hex'), job);
      done();
    },
  });
}

export async function plainSend(job: Job): Promise<Side> {
  const { port, accepted } = await listen(job);
  return { contact: port, run: async () => pipeline(createReadStream(job.path), hashing(job), await accepted) };
}

export async function plainReceive(job: Job): Promise<Side> {
  return { contact: null, run: (port) => pipeline(connect(port as number, '127.0.0.1'), hashing(job), createWriteStream(job.path)) };
}

const BLOCK = 1 << 20;
const BLOCKS = 4;

/** Reads ahead into reused buffers of 1 MiB, one write a buffer. */
export const fastSend = (job: Job): Promise<Side> => sendBlocks(job, writeWhole);

/** The same, each buffer in parts as long as a chunk, which the system gets in one gathered write: what such parts cost without any protocol. */
export const cutSend = (job: Job): Promise<Side> => sendBlocks(job, inParts(job.chunk ?? BLOCK));

type Write = (socket: Socket, octets: Buffer, done: () => void) => void;

const writeWhole: Write = (socket, octets, done) => void socket.write(octets, done);

function inParts(size: number): Write {
  return (socket, octets, done) => {
    socket.cork();
    let at = 0;
    for (; at + size < octets.length; at += size) socket.write(octets.subarray(at, at + size));
    socket.write(octets.subarray(at), done);
    socket.uncork();
  };
}

async function sendBlocks(job: Job, writeBlock: Write): Promise<Side> {
  const { port, accepted } = await listen(job);
  const fd = openSync(job.path, 'r');
  return {
    contact: port,
    run: async () => {
      const socket = await accepted;
      const hash = hashOf(job);
      const free = Array.from({ length: BLOCKS }, () => Buffer.allocUnsafeSlow(BLOCK));
      let at = 0;
      let reading = false;
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        let written = 0;
        const readOn = (): void => {
          const block = at < job.size && !reading ? free.pop() : undefined;
          if (block === undefined) return;
          reading = true;
          read(fd, block, 0, Math.min(BLOCK, job.size - at), at, (error, count) => {
            if (error !== null) return reject(error);
            at += count;
            reading = false;
            const octets = block.subarray(0, count);
            readOn();
            hash.update(octets);
            writeBlock(socket, octets, () => {
              free.push(block);
              written += count;
              if (written === job.size) resolve();
              else readOn();
            });
          });
        };
        readOn();
      });
      assertHash(hash.digest('hex'), job);
      socket.end();
      close(fd);
    },
  };
}

/** Reads from the socket straight into the buffers that are written to the file: no copy, no allocation, few system calls. */
export async function fastReceive(job: Job): Promise<Side> {
  const fd = openSync(job.path, 'w');
  return {
    contact: null,
    run: (port) =>
      new Promise<void>((resolve, reject) => {
        const hash = hashOf(job);
        const free = Array.from({ length: BLOCKS }, () => Buffer.allocUnsafeSlow(BLOCK));
        let block = free.pop() as Buffer<ArrayBuffer>;
        let filled = 0;
        let at = 0;
        let stored = 0;
        let starved = false;
        const writeOut = (full: Buffer<ArrayBuffer>, length: number, position: number): void =>
          write(fd, full, 0, length, position, (error, count) => {
            if (error !== null || count !== length) return reject(error ?? new Error('short write'));
            stored += length;
            free.push(full);
            if (stored === job.size) {
              assertHash(hash.digest('hex'), job);
              close(fd);
              resolve();
            } else if (starved) {
              starved = false;
              socket.resume();
            }
          });
        const read = {
          port: port as number,
          host: '127.0.0.1',
          onread: {
            buffer: () => block.subarray(filled),
            callback: (length: number): boolean => {
              hash.update(block.subarray(filled, filled + length));
              filled += length;
              if (filled < BLOCK && at + filled < job.size) return true;
              writeOut(block, filled, at);
              at += filled;
              filled = 0;
              // The next read's buffer is fixed by now: it is stopped while there is still one to give.
              block = free.pop() as Buffer<ArrayBuffer>;
              starved = free.length === 0;
              return !starved;
            },
          },
        };
        const socket = job.secure === undefined ? connect(read) : connectTls({ ...read, ca: job.secure.ca, servername: 'localhost' });
        socket.once('error', reject);
      }),
  };
}
