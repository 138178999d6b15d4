import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createXcapClient } from '../../electron/xcap/xcap-client.ts';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { DEFAULT_NETWORK_PREFERENCES } from '../../shared/model/network-preferences.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, type TwoPeopleOptions, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
const open: TwoPeople[] = [];

afterEach(async () => {
  for (const people of open.splice(0)) await people.close();
});

async function people(options: TwoPeopleOptions = {}): Promise<TwoPeople> {
  const made = await twoPeople(join(folder, createHash('sha256').update(randomToken(8)).digest('hex').slice(0, 8)), options);
  open.push(made);
  return made;
}

async function text(from: Person, to: Person, said: string): Promise<Message> {
  const { id } = await from.conversationWith(to);
  return from.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: said });
}

async function failure(from: Person, { id }: Message): Promise<string> {
  const failed = await from.seesMessage((message) => message.id === id && message.error !== null);
  return failed.error?.code ?? '';
}

describe('what the network does not let through', () => {
  test('R-PF-01: files where the operator allows none: the card says that the network does not allow it, texts pass', async () => {
    const { alice, bob } = await people({ network: { policy: { blockedServices: ['file'] } } });
    const path = join(alice.data, 'notes.txt');
    await writeFile(path, 'notes');
    const { token } = await alice.client.offerFile(path);
    const { id } = await alice.conversationWith(bob);
    const sent = await alice.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    const failed = await alice.seesMessage((message) => message.id === sent.id && message.transfer?.state === 'failed');
    expect(failed.transfer?.error?.code ?? failed.error?.code).toBe('network.not-offered');
    await text(alice, bob, 'A text');
    await bob.seesMessage((message) => message.text === 'A text');
  });

  test('R-PF-04: who has not subscribed is told so', async () => {
    const { alice, bob } = await people({ network: { policy: { unsubscribed: ['alice'] } } });
    expect(await failure(alice, await text(alice, bob, 'Hello'))).toBe('network.not-subscribed');
  });

  test('R-PF-06: a text with a word that the operator does not let through was not delivered because of its content', async () => {
    const { alice, bob } = await people({ network: { policy: { forbiddenWords: ['contraband'] } } });
    expect(await failure(alice, await text(alice, bob, 'Cheap contraband!'))).toBe('network.screened');
    await text(alice, bob, 'Something else');
    await bob.seesMessage((message) => message.text === 'Something else');
  });
});

describe('what a person wants of the network', () => {
  test('R-PF-02 R-PF-05 R-PF-57: refuses while he wants nothing, unless the operator says otherwise', async () => {
    const { alice, bob } = await people();
    expect(await bob.call['network.preferences']({})).toEqual(DEFAULT_NETWORK_PREFERENCES);
    expect(await bob.call['network.change']({ available: 'refuse' })).toMatchObject({ available: 'refuse', delivery: 'push' });
    expect(await failure(alice, await text(alice, bob, 'First'))).toBe('peer.declined');
    expect(await bob.call['network.change']({ available: 'accept', recording: true })).toMatchObject({
      available: 'accept',
      recording: true,
    });
    await text(alice, bob, 'Second');
    await bob.seesMessage((message) => message.text === 'Second');
  });

  test('two devices change different things at once, and both hold', async () => {
    const { bob, device } = await people();
    const tablet = await device('bob', 'tablet');
    await Promise.all([bob.call['network.change']({ delivery: 'pull' }), tablet.call['network.change']({ expired: 'store' })]);
    expect(await bob.call['network.preferences']({})).toMatchObject({ delivery: 'pull', expired: 'store' });
  });

  test('R-PF-57: whom the person blocks is on the list of the network until it ends, and entries of others stay', async () => {
    const { bob, alice, accountOf } = await people({ guests: ['eve'] });
    const { xcapRoot: root, user, password, address } = accountOf('bob');
    const target = { auid: 'resource-lists', user: address, document: 'index', node: null };
    const client = createXcapClient({ root, user, password });
    const others =
      '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><!-- mine --><list name="friends"/><list name="oma_blockedcontacts"><entry uri="sip:spam@elsewhere.example"><display-name>S</display-name></entry></list></resource-lists>';
    await client.put(target, 'application/resource-lists+xml', others, 'absent');
    const listed = async (): Promise<string> => fromUtf8((await client.get(target))?.body ?? new Uint8Array());
    const { id: conversationId } = await bob.call['conversations.open']({ address: alice.address });
    await bob.call['conversations.block']({ conversationId, blocked: true });
    await expect.poll(listed).toContain(`uri="${alice.address}"`);
    expect(await listed()).toContain('<!-- mine --><list name="friends"/>');
    // the network throws away what else would have been thrown away here
    const unheard = await text(alice, bob, 'Hello?');
    await alice.seesMessage(({ id, status }) => id === unheard.id && status === 'sent');
    await bob.call['conversations.block']({ conversationId, blocked: false });
    await expect.poll(listed).toBe(others);
  });
});
