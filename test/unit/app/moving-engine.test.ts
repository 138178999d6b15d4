import { expect, test } from 'vitest';
import { MovingEngine } from '../../../electron/app/moving-engine.ts';
import type { MsrpEngine, SessionHandlers } from '../../../electron/msrp/port.ts';
import { ParleyError } from '../../../shared/base/errors.ts';

const HANDLERS: SessionHandlers = { onMessage: () => ({ refuse: 403 }), onClosed: () => undefined };

/** Engines that listen unless told otherwise, as the real one once each. */
function engines(refused: ReadonlySet<string> = new Set()) {
  const closed: string[] = [];
  const made: string[] = [];
  const moving = new MovingEngine(() => {
    let host = '';
    return {
      get address() {
        return { host, port: 2855 };
      },
      listen: async (at: { host: string }) => {
        if (refused.has(at.host)) throw new ParleyError('msrp.unreachable', at.host);
        host = at.host;
        made.push(host);
      },
      createSession: () => ({ localUri: `msrp://${host}:2855/x;tcp` }),
      close: async () => void closed.push(host),
    } as unknown as MsrpEngine;
  });
  return { moving, made, closed };
}

test('a device that moves is reached at its new address, and what flows at the old one goes on', async () => {
  const { moving, made, closed } = engines();
  for (const host of ['192.0.2.1', '192.0.2.1', '198.51.100.2']) await moving.listen({ host, port: 0 });
  expect(made).toEqual(['192.0.2.1', '198.51.100.2']);
  expect(moving.address.host).toBe('198.51.100.2');
  expect(moving.createSession(HANDLERS).localUri).toContain('198.51.100.2');
  expect(closed).toEqual([]);
  await moving.listen({ host: '203.0.113.3', port: 0 });
  expect(closed).toEqual(['192.0.2.1']);
  await moving.close();
  expect(closed.sort()).toEqual(['192.0.2.1', '198.51.100.2', '203.0.113.3']);
});

test('an address that cannot be listened on is tried again, and the one before it stays', async () => {
  const refused = new Set(['198.51.100.2']);
  const { moving } = engines(refused);
  expect(() => moving.address).toThrow(expect.objectContaining({ code: 'msrp.unreachable' }));
  await moving.listen({ host: '192.0.2.1', port: 0 });
  await expect(moving.listen({ host: '198.51.100.2', port: 0 })).rejects.toMatchObject({ code: 'msrp.unreachable' });
  expect(moving.address.host).toBe('192.0.2.1');
  refused.clear();
  await moving.listen({ host: '198.51.100.2', port: 0 });
  expect(moving.address.host).toBe('198.51.100.2');
});

test('nothing listens any more once it is closed', async () => {
  const { moving, made } = engines();
  await moving.close();
  await moving.listen({ host: '192.0.2.1', port: 0 });
  expect(made).toEqual([]);
});
