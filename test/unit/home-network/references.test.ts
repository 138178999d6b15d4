import { expect, test } from 'vitest';
import { connectMail } from '../../../electron/imap/client.ts';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { contentHeader, decodeCpim, encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { imdnRequest, makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';
import { contactFeature } from '../../../shared/protocol/cpm/names.ts';
import { readWarnings } from '../../../shared/protocol/cpm/warning.ts';
import type { StoredObject } from '../../../shared/protocol/cpm-objects/stored-object.ts';
import { encodeImapUrl } from '../../../shared/protocol/imap/imap-url.ts';
import { encodeImdn, IMDN_TYPE, type ImdnToSend } from '../../../shared/protocol/imdn/imdn.ts';
import { encodeExternalBody } from '../../../shared/protocol/mime/external-body.ts';
import type { SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { SipPeer } from '../../harness/sip-peer.ts';
import { storedFile, storedMessage } from '../../harness/stored-objects.ts';
import { IN_MEMORY, registered, start } from './start.ts';

const [ALICE, BOB] = ['sip:alice@home1.example', 'sip:bob@home1.example'];
const NOTE: ImdnToSend = {
  ...{ messageId: 'm1', dateTime: '2026-11-20T10:00:00.000Z', recipientUri: BOB, originalRecipientUri: BOB },
  ...({ disposition: 'delivery', status: 'delivered' } as const),
};
const FEATURES = contactFeature(['oma.cpm.msg']);

function referring(from: SipPeer, url: string, to = BOB): SipRequest {
  const { contentType, body } = encodeExternalBody({ url, contentType: null, contentId: 'x@y' });
  const cpim = makeCpim({
    ...{ from: ALICE, to, dateTime: '2026-11-20T10:00:00.000Z', imdnMessageId: 'm1', dispositions: ['positive-delivery'] },
    ...{ contentType, content: body },
  });
  return from.build('MESSAGE', to, {
    body: fromUtf8(encodeCpim(cpim)),
    headers: [
      ['Contact', `<${from.contactUri}>`],
      ['Conversation-ID', 'conv-1'],
      ['Contribution-ID', 'contr-1'],
      ['Content-Type', 'message/cpim'],
    ],
  });
}

/** Alice, Bob, and what is in their mailboxes. */
async function stage(objects: Readonly<Record<'alice' | 'bob', readonly StoredObject[]>>) {
  const network = await start({ databases: IN_MEMORY, policy: { force: { recording: false } } });
  const [alice, bob] = [await registered(network, 'alice', FEATURES), await registered(network, 'bob', FEATURES)];
  for (const owner of ['alice', 'bob'] as const) for (const each of objects[owner]) await network.history?.store.keep(owner, each);
  await network.history?.settled();
  const { host, port } = network.accounts[0]?.messageStore ?? { host: '', port: 0 };
  /** of the first object of that folder */
  async function urlOf(user: 'alice' | 'bob', folder: readonly string[], isWhole = false): Promise<string> {
    const mail = await connectMail({ host, port, security: 'plain', user, password: `${user}-secret` });
    try {
      const uidValidity = await mail.uidValidity(folder);
      const [uid = 1] = await mail.uids(folder);
      return encodeImapUrl({ user, host, port, folder, uidValidity, uid: isWhole ? null : uid, section: null });
    } finally {
      await mail.close();
    }
  }
  return { network, alice, bob, urlOf };
}

async function arrived(alice: SipPeer, bob: SipPeer, url: string): Promise<ReturnType<typeof decodeCpim>> {
  const request = referring(alice, url);
  alice.send(request);
  const got = await bob.request('MESSAGE');
  bob.answer(got, 200, 'x');
  expect((await alice.final(request)).status).toBe(200);
  return decodeCpim(got.body);
}

async function refusal(alice: SipPeer, url: string): Promise<readonly [number, string | undefined]> {
  const request = referring(alice, url);
  alice.send(request);
  const { status, headers } = await alice.final(request);
  return [status, readWarnings(headers)[0]?.text];
}

test('R-PF-20 R-PF-21 the content takes the place of its reference; who sends it and what he wants to hear stays', async () => {
  const { alice, bob, urlOf } = await stage({ alice: [storedMessage({ text: 'Grüße from the summit' })], bob: [] });
  const cpim = await arrived(alice, bob, await urlOf('alice', ['c1']));
  expect(fromUtf8(cpim.content)).toBe('Grüße from the summit');
  expect(contentHeader(cpim, 'Content-Type')).toBe('text/plain;charset=UTF-8');
  expect([imdnRequest(cpim).messageId, [...imdnRequest(cpim).dispositions]]).toEqual(['m1', ['positive-delivery']]);
  expect(cpim.headers.find(({ name }) => name === 'From')?.value).toContain(ALICE);
});

test('R-PF-21 a session is what was said in it, in its order', async () => {
  const service = 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session';
  const said = (text: string, id: string, time: number): StoredObject => {
    const object = storedMessage({ text, id, time });
    return { ...object, headers: { ...object.headers, from: { address: ALICE, name: 'Alice' }, service } };
  };
  const { alice, bob, urlOf } = await stage({
    alice: [said('second', 'i2', Date.UTC(2026, 2, 2, 9, 17)), said('first', 'i1', Date.UTC(2026, 2, 2, 9, 15))],
    bob: [],
  });
  const cpim = await arrived(alice, bob, await urlOf('alice', ['c1', 'k1'], true));
  expect(fromUtf8(cpim.content)).toBe('2026-03-02 09:15 UTC, Alice: first\n2026-03-02 09:17 UTC, Alice: second');
});

test('R-PF-20 R-PF-21 only the sender’s own mailboxes in this network’s store; anything else is 403 and reaches nobody', async () => {
  const notification = storedMessage({ id: 'n1', conversationId: 'c2' });
  const imdn = encodeCpim(
    makeCpim({
      ...{ from: BOB, to: ALICE, dateTime: '2026-11-20T10:00:00.000Z', contentType: IMDN_TYPE },
      content: encodeImdn(NOTE),
    }),
  );
  const { alice, bob, urlOf } = await stage({
    alice: [storedMessage(), { ...notification, content: imdn }],
    bob: [storedMessage({ text: 'a secret', id: 's1' })],
  });
  const [own, others] = [await urlOf('alice', ['c1']), await urlOf('bob', ['c1'])];
  const notHis = 'Referenced stored object: not in a mailbox of the sender';
  const notThere = 'Referenced stored object: not there';
  expect(await refusal(alice, others)).toEqual([403, notHis]);
  expect(await refusal(alice, own.replace(/@[^/]+/, '@mail.example:143'))).toEqual([403, notHis]);
  expect(await refusal(alice, own.replace(/UID=\d+$/, 'UID=999'))).toEqual([403, notThere]);
  expect(await refusal(alice, own.replace(/UIDVALIDITY=\d+/, 'UIDVALIDITY=1'))).toEqual([403, notThere]);
  expect(await refusal(alice, own.replace('/c1', '/c9'))).toEqual([403, notThere]);
  expect(await refusal(alice, await urlOf('alice', ['c2']))).toEqual([403, 'Referenced stored object: cannot be sent']);
  expect(await refusal(alice, 'imap://alice/%')).toEqual([403, 'Referenced stored object: cannot be sent']);
  // by the name of the network it is the same store
  const cpim = await arrived(alice, bob, own.replace(/@[^/]+/, '@home1.example'));
  expect(fromUtf8(cpim.content)).toBe('Hello');
});

test('R-PF-20 a file goes to one user, not to a group', async () => {
  const { network, alice, urlOf } = await stage({ alice: [storedFile(utf8('abc'))], bob: [] });
  expect(network.groups).toEqual([]);
  const url = await urlOf('alice', ['c1']);
  const request = referring(alice, url, 'sip:nobody@home1.example');
  alice.send(request);
  expect((await alice.final(request)).status).toBe(403);
});

test('what names something that is in no mailbox is its recipient’s to judge', async () => {
  const { alice, bob } = await stage({ alice: [], bob: [] });
  const cpim = await arrived(alice, bob, 'https://files.example/x');
  expect(contentHeader(cpim, 'Content-Type')).toContain('https://files.example/x');
});
