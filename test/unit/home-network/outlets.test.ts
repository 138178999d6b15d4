import { describe, expect, it } from 'vitest';
import { Directory } from '../../../electron/home-network/directory.ts';
import { intoStore } from '../../../electron/home-network/retrieval/outlets.ts';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { encodeStoredObject, type StoredObject } from '../../../shared/protocol/cpm-objects/stored-object.ts';
import { FakeDeferral } from '../../harness/fake-deferral.ts';

const directory = new Directory('home1.example', [], [{ user: 'alice', password: 'x', displayName: '' }]);
const unknown = () => Promise.reject(new Error('not asked for'));

describe('storing what waits', () => {
  it('R-DEF-10: keeps it in its owner’s mailboxes with who wrote it, when, and the message as it came', async () => {
    const deferral = new FakeDeferral();
    const kept: { readonly owner: string; readonly object: StoredObject }[] = [];
    const keep = async (owner: string, object: StoredObject) => {
      kept.push({ owner, object });
      return { owner, folder: [], messageId: 'm' };
    };
    const item = deferral.add('alice', { conversationId: 'conv-1', contributionId: 'contr-1', text: 'for later' });
    await intoStore(directory, deferral, { keep, fetch: unknown })(item);
    const text = fromUtf8(encodeStoredObject(kept[0]?.object as StoredObject));
    expect(kept[0]?.owner).toBe('alice');
    for (const line of [
      'Conversation-ID: conv-1',
      'Contribution-ID: contr-1',
      'Message-Direction: received',
      'IMDN-Message-ID: imdn-1',
      'for later',
    ])
      expect(text).toContain(line);
    expect(text).toMatch(/^From: .*carol@home1\.example/m);
    expect(text).toMatch(/^Date: Sun, 0?1 Mar 2026 18:02:01/m);
  });

  it('is refused for a file that is more than a mail server is given, and without a store', async () => {
    const deferral = new FakeDeferral();
    const file = deferral.add('alice', { kind: 'file', size: 16_777_217 });
    await expect(intoStore(directory, deferral, { keep: unknown, fetch: unknown })(file)).rejects.toMatchObject({ code: 'file.too-large' });
    await expect(intoStore(directory, deferral, null)(deferral.add('alice'))).rejects.toMatchObject({ code: 'peer.unsupported' });
  });
});
