import process from 'node:process';
import type { Deferral, DeferredItem } from '../../../electron/home-network/deferral/port.ts';
import { startHomeNetwork } from '../../../electron/home-network/index.ts';
import { utf8 } from '../../../shared/base/bytes.ts';
import { Emitter } from '../../../shared/base/emitter.ts';
import { encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { formatDateTime, makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';

/**
 * A home network of alice's that keeps so many messages for her, of so many people, in memory: what is measured is the client.
 * Arguments: messages, senders. One JSON line on stdout: the account.
 */
const [messages = 1000, senders = 100] = process.argv.slice(2).map(Number);
const domain = 'home1.example';
const start = Date.UTC(2026, 2, 1);

const items = new Map<number, DeferredItem>();
for (let id = 1; id <= messages; id++) {
  items.set(id, {
    id,
    uri: `sip:dm-${id}@${domain}`,
    owner: 'alice',
    kind: 'pager',
    from: `sip:peer${id % senders}@${domain}`,
    sentAt: start + id * 1000,
    size: 400,
    expiresAt: Date.now() + 7 * 86_400_000,
    contentType: 'text/plain',
    subject: null,
    conversationId: null,
    contributionId: null,
    imdnId: `waiting-${id}`,
  });
}

const deferral: Deferral = {
  list: async () => [...items.values()],
  claim: async (_, ids) => (ids === 'all' ? [...items.values()] : ids.flatMap((id) => items.get(id) ?? [])),
  content: async (id) => {
    const { from, sentAt, imdnId } = items.get(id) as DeferredItem;
    return encodeCpim(
      makeCpim({
        from,
        to: `sip:alice@${domain}`,
        dateTime: formatDateTime(sentAt),
        imdnMessageId: imdnId ?? '',
        dispositions: [],
        contentType: 'text/plain;charset=UTF-8',
        content: utf8(`This one waited as number ${id}, until somebody was there to read it.`),
      }),
    );
  },
  record: () => Promise.reject(new Error('nobody asks')),
  settle: async (id) => {
    const item = items.get(id);
    items.delete(id);
    if (item !== undefined) deferral.changed.emit({ owner: item.owner, added: [], removed: [item.uri] });
    return item !== undefined;
  },
  release: async () => undefined,
  deliverFile: () => undefined,
  changed: new Emitter(),
};

const network = await startHomeNetwork({
  host: '127.0.0.1',
  port: 0,
  domain,
  users: [{ user: 'alice', password: 'Pa55-0rd', displayName: 'Alice' }],
  deferral,
  policy: { force: { delivery: 'pull' } },
});
process.stdout.write(`${JSON.stringify(network.accounts[0])}\n`);
process.once('SIGTERM', () => void network.close().then(() => process.exit(0)));
