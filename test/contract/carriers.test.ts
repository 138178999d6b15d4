import { afterAll, describe } from 'vitest';
import { startServer } from '../../electron/headless/server.ts';
import { serveContract } from '../../shared/ipc/wire.ts';
import { fakeHosted } from '../harness/fake-hosted.ts';
import { memoryChannels } from '../harness/memory-channel.ts';
import { connectSocket } from '../harness/socket-client.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { describesCarrier } from './contract-suite.ts';

const hosted = fakeHosted(temporaryFolder(), 'alice');

describe('the contract in memory', () => {
  describesCarrier(async () => {
    const ends = memoryChannels();
    serveContract(ends.core, hosted.handlers, (listener) => hosted.subscribe(listener));
    return { channel: ends.page, end: ends.close };
  });
});

describe('the contract over a WebSocket', async () => {
  const server = await startServer({ port: 0, page: temporaryFolder(), log: () => {} });
  const opened: { close(): void }[] = [];
  afterAll(async () => {
    for (const channel of opened) channel.close();
    await server.close();
  });
  describesCarrier(async () => {
    const channel = await connectSocket(server.serve(hosted).contract);
    opened.push(channel);
    return { channel, end: () => channel.close() };
  });
});
