import { afterEach, expect, it } from 'vitest';
import type { MsrpEngine } from '../../../electron/msrp/port.ts';
import { utf8 } from '../../../shared/base/bytes.ts';
import { decodeMsrpUri } from '../../../shared/protocol/msrp/uri.ts';
import { engine, Inbox } from './harness.ts';

const engines: MsrpEngine[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((made) => made.close()));
});

it('a session that will connect by itself names port 9, and answers and reports come back all the same', async () => {
  const [left, right, inbox] = [await engine(), await engine(), new Inbox()];
  engines.push(left, right);
  const a = left.createSession(new Inbox(), 'active');
  const b = right.createSession(inbox);
  expect(decodeMsrpUri(a.localUri)).toMatchObject({ host: '127.0.0.1', port: 9 });
  await Promise.all([a.connect({ role: 'active', remotePath: [b.localUri] }), b.connect({ role: 'passive', remotePath: [a.localUri] })]);
  await a.send({ contentType: 'text/plain', source: utf8('reported'), successReport: true });
  expect(inbox.messages.map((message) => message.octets.toString())).toEqual(['reported']);
});
