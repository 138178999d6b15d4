import { afterEach, describe, expect, it } from 'vitest';
import type { HomeNetwork } from '../../../../electron/home-network/index.ts';
import { fromUtf8 } from '../../../../shared/base/bytes.ts';
import { header, type SipMessage, type SipRequest } from '../../../../shared/protocol/sip/message.ts';
import { FilePeer } from '../../../harness/file-peer.ts';
import { LargePeer } from '../../../harness/large-peer.ts';
import { IN_MEMORY } from '../start.ts';
import { at, FACTORY, GroupDevice, groupNetwork } from './group-device.ts';

const PATIENCE = 15_000;
const SIZE = 20_000;
const OCTETS = new Uint8Array(SIZE).map((_, at) => at * 7);
const CONVERSATION = '647ee1c4-d096-487d-a16d-ac517a4907b0';
const opened: { vanish(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.vanish();
});

function accountOf(network: HomeNetwork, user: string) {
  const account = network.accounts.find((each) => each.user === user);
  if (account === undefined) throw new Error(user);
  return account;
}

async function sender(network: HomeNetwork, user: string): Promise<FilePeer> {
  const peer = await FilePeer.start(accountOf(network, user));
  opened.push(peer);
  return peer;
}

/** A device that takes files, beside the one that is in the group. */
async function taker(network: HomeNetwork, user: string): Promise<LargePeer> {
  const peer = await LargePeer.start(accountOf(network, user), ['filetransfer']);
  opened.push(peer);
  return peer;
}

/** Alice has made a group of herself, Bob, and Carol who is away. */
async function group(network: HomeNetwork): Promise<GroupDevice> {
  const [alice, bob] = [await GroupDevice.of(network, 'alice'), await GroupDevice.of(network, 'bob')];
  await alice.enter(alice.groupInvite(FACTORY, [at('bob'), at('carol')], [['Conversation-ID', CONVERSATION]]));
  await bob.accept(await bob.invited());
  return alice;
}

/** What comes is taken whole. */
async function take(peer: LargePeer): Promise<{ readonly invite: SipRequest; readonly octets: Uint8Array }> {
  const isFile = (message: SipMessage): boolean =>
    message.kind === 'request' && message.method === 'INVITE' && /filetransfer/.test(header(message, 'Accept-Contact') ?? '');
  const invite = (await peer.sip.next(isFile, PATIENCE)) as SipRequest;
  const octets = new Uint8Array(SIZE);
  peer.accept(invite, { write: (offset, part) => octets.set(part, offset) });
  peer.sip.answer(await peer.sip.request('BYE', PATIENCE), 200, 'OK');
  return { invite, octets };
}

describe('a file into a group', () => {
  it('R-CF-01 R-CF-03: goes to each other member, from the group and without a list; who is away has it when he comes', async () => {
    const network = await groupNetwork({ databases: IN_MEMORY });
    const alice = await group(network);
    const bob = await taker(network, 'bob');
    const { invite, send } = (await sender(network, 'alice')).offer(alice.identity, { name: 'plan.png', size: SIZE, type: 'image/png' });
    await send(OCTETS);
    expect(header(await invite.answer, 'Contact')).toContain(`<${alice.identity}>;isfocus`);
    const toBob = await take(bob);
    expect(toBob.octets).toEqual(OCTETS);
    expect(header(toBob.invite, 'Contact')).toContain(`<${alice.identity}>;isfocus`);
    expect(header(toBob.invite, 'Conversation-ID')).toBe(CONVERSATION);
    expect(header(toBob.invite, 'P-Asserted-Identity')).toContain(at('alice'));
    expect(fromUtf8(toBob.invite.body)).not.toContain('resource-lists');
    const toCarol = await take(await taker(network, 'carol'));
    expect(toCarol.octets).toEqual(OCTETS);
    expect(header(toCarol.invite, 'Conversation-ID')).toBe(CONVERSATION);
    expect(fromUtf8(toCarol.invite.body)).not.toContain('resource-lists');
  });

  it('is refused from somebody who is not in it', async () => {
    const network = await groupNetwork();
    const alice = await group(network);
    const { invite } = (await sender(network, 'dave')).offer(alice.identity, { name: 'spam.png', size: SIZE });
    expect(await invite.answer).toMatchObject({ status: 403 });
  });

  it('R-CF-04 R-CF-05: is refused where the group takes none', async () => {
    const groups = [{ name: 'readers', members: ['alice', 'bob'], refusesFiles: true }];
    const network = await groupNetwork({ groups });
    const alice = await GroupDevice.of(network, 'alice');
    await alice.enter(alice.groupInvite('sip:readers@home1.example', null));
    const { invite } = (await sender(network, 'alice')).offer(alice.identity, { name: 'plan.png', size: SIZE });
    const refused = await invite.answer;
    expect([refused.status, header(refused, 'Warning')]).toEqual([403, '399 home1.example "122 Function not allowed"']);
  });

  it('somebody without a name in the group sends none under his name', async () => {
    const groups = [{ name: 'circle', members: ['alice', 'bob'] }];
    const network = await groupNetwork({ groups });
    const alice = await GroupDevice.of(network, 'alice');
    await alice.enter(alice.groupInvite('sip:circle@home1.example', null, [['Privacy', 'id']]));
    const { invite } = (await sender(network, 'alice')).offer(alice.identity, { name: 'plan.png', size: SIZE });
    expect(await invite.answer).toMatchObject({ status: 403 });
  });
});
