import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { randomToken, randomUuid } from '../../shared/base/random.ts';
import { DEFERRED_INFO_TYPE } from '../../shared/protocol/deferred-info/deferred-info.ts';
import type { SipRequest } from '../../shared/protocol/sip/message.ts';
import { ChatPeer } from '../harness/chat-peer.ts';
import { FilePeer } from '../harness/file-peer.ts';
import { SipPeer } from '../harness/sip-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance } from '../harness/tshark.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';
import { Wire } from '../harness/wire.ts';

const hindrance = captureHindrance();
const GUESTS = ['carol', 'dave', 'erin', 'frank', 'grace'];
const OCTETS = new TextEncoder().encode('a file of its own');

describe.skipIf(hindrance !== null)('sessions beside each other as tshark sees them', () => {
  const folder = temporaryFolder();
  const conversationId = randomUuid();
  let wire: Wire;
  let people: TwoPeople;
  let alice: number;
  let bob: number;
  /** how the chats went, by what was said in them */
  const said: string[] = [];
  /** texts and file names of Bob's conversation with Mallory */
  let inOneThread: string[] = [];

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = await twoPeople(folder, { guests: GUESTS });
    await oneConversation();
    await fileDuringChat();
    await fiveChats();
    await lostCaller();
    await rawDialog();
    await people.close();
    wire = await Wire.from(capture, people.networkPort);
    [alice] = (await wire.connectionsOf('alice')) as [number];
    [bob] = (await wire.connectionsOf('bob')) as [number];
  }, 240_000);
  afterAll(() => people?.close());

  async function bobReads(text: string): Promise<void> {
    await people.bob.seesMessage((message) => message.text === text);
    said.push(text);
  }

  async function bobAccepts(name: string): Promise<void> {
    const offered = await people.bob.seesMessage(({ transfer }) => transfer?.name === name && transfer.state === 'offered');
    await people.bob.call['transfers.accept']({ transferId: offered.transfer?.id as number });
  }

  /** Mallory's chat, large message and file are one conversation; the chat ends while the file waits to be sent. */
  async function oneConversation(): Promise<void> {
    const phone = await ChatPeer.start(people.accountOf('mallory'));
    const desk = await FilePeer.start(people.accountOf('mallory'));
    const moreMedia = ['m=audio 40000 RTP/AVP 0', 'a=rtpmap:0 PCMU/8000', 'm=video 40002 RTP/AVP 31', ''].join('\r\n');
    const chat = await phone.open(people.bob.address, { conversationId, moreMedia });
    await chat.say('before the large one');
    await bobReads('before the large one');
    const large = await phone.open(people.bob.address, { conversationId, service: 'oma.cpm.largemsg' });
    await large.say('L'.repeat(20_000));
    await bobReads('L'.repeat(20_000));
    const { invite, send } = desk.offer(
      people.bob.address,
      { name: 'beside-chat.txt', size: OCTETS.length },
      { headers: [{ name: 'Conversation-ID', value: conversationId }] },
    );
    await bobAccepts('beside-chat.txt');
    await invite.answer;
    await large.end();
    await chat.say('the file waits');
    await bobReads('the file waits');
    await chat.end();
    await send(OCTETS);
    await people.bob.seesMessage(({ transfer }) => transfer?.name === 'beside-chat.txt' && transfer.state === 'done');
    await invite.end();
    const { id } = await people.bob.call['conversations.open']({ address: people.accountOf('mallory').address });
    inOneThread = (await people.bob.history(id)).map(({ text, transfer }) => transfer?.name ?? text);
    await desk.close();
    await phone.close();
  }

  /** Alice's other device chats with Bob while he sends her a file. */
  async function fileDuringChat(): Promise<void> {
    const tablet = await ChatPeer.start(people.accountOf('alice'));
    const chat = await tablet.open(people.bob.address);
    await chat.say('send it now');
    await bobReads('send it now');
    const path = join(folder, 'during-chat.txt');
    await writeFile(path, 'what was asked for');
    const { id } = await people.bob.conversationWith(people.alice);
    const { token } = await people.bob.client.offerFile(path);
    const { imdnId } = await people.bob.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    const offered = await people.alice.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'offered');
    await people.alice.call['transfers.accept']({ transferId: offered.transfer?.id as number });
    await people.bob.seesMessage((message) => message.imdnId === imdnId && message.status === 'delivered');
    // the dialog stays a while for further files
    const callId = /\r\nCall-ID: (\S+)/.exec(people.bob.said.find((text) => text.includes('name:"during-chat.txt"')) ?? '')?.[1] as string;
    await vi.waitUntil(() => people.bob.said.some((text) => text.startsWith('BYE ') && text.includes(callId)), { timeout: 30_000 });
    await chat.say('I have it');
    await bobReads('I have it');
    await chat.end();
    await tablet.close();
  }

  async function fiveChats(): Promise<void> {
    const peers = await Promise.all(GUESTS.map((user) => ChatPeer.start(people.accountOf(user))));
    const chats = await Promise.all(peers.map((peer) => peer.open(people.bob.address)));
    await Promise.all(chats.map((chat, at) => chat.say(`I am ${GUESTS[at]}`)));
    for (const user of GUESTS) await bobReads(`I am ${user}`);
    for (const chat of chats) await chat.end();
    for (const peer of peers) await peer.close();
  }

  /** Carol's connection breaks in the middle of a chat. */
  async function lostCaller(): Promise<void> {
    const carol = await ChatPeer.start(people.accountOf('carol'));
    const chat = await carol.open(people.bob.address);
    await chat.say('I am in a tunnel');
    await bobReads('I am in a tunnel');
    await carol.cut();
    // by the time that Carol is back on another connection the network has seen the end of the first
    const again = await ChatPeer.start(people.accountOf('carol'));
    await (await again.open(people.bob.address)).end();
    await again.close();
  }

  /** Two sockets that change a session from either side, and end it. */
  async function rawDialog(): Promise<void> {
    const [host, port] = people.accountOf('dave').outboundProxy.split(':');
    const connect = async (user: string) => {
      const peer = await SipPeer.connect({ host: host as string, port: Number(port) }, people.accountOf(user));
      await peer.register({ features: '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"' });
      return peer;
    };
    const [dave, erin] = [await connect('dave'), await connect('erin')];
    const contactOf = (peer: SipPeer): [string, string][] => [['Contact', `<${peer.contactUri}>`]];
    const [ofDave, ofErin] = [contactOf(dave), contactOf(erin)];
    const invite = dave.build('INVITE', erin.account.address, { headers: ofDave });
    dave.send(invite);
    const got = await erin.request('INVITE');
    erin.answer(got, 200, 'OK', { headers: ofErin });
    const ok = await dave.final(invite);
    dave.send(dave.inDialog(invite, ok, 'ACK', 1));
    await erin.request('ACK');

    const byCaller = dave.inDialog(invite, ok, 'INVITE', 2, { headers: ofDave });
    dave.send(byCaller);
    erin.answer(await erin.request('INVITE'), 200, 'OK', { headers: ofErin });
    await dave.final(byCaller);
    dave.send(dave.inDialog(invite, ok, 'ACK', 2));
    await erin.request('ACK');

    const byCallee = erin.inDialogBack(got, 'INVITE', 1, { headers: ofErin });
    erin.send(byCallee);
    dave.answer((await dave.request('INVITE')) as SipRequest, 200, 'OK', { headers: ofDave });
    await erin.final(byCallee);
    erin.send(erin.inDialogBack(got, 'ACK', 1));
    await dave.request('ACK');

    const bye = erin.inDialogBack(got, 'BYE', 2);
    erin.send(bye);
    dave.answer(await dave.request('BYE'), 200, 'OK');
    await erin.final(bye);
    for (const peer of [dave, erin]) await peer.close();
  }

  interface Dialog {
    readonly callId: string;
    readonly invited: number;
    readonly answered: number;
    readonly ended: number;
  }

  /** a session on one connection of a client, as frame numbers; `incoming` at its side */
  async function dialog(connection: number, invite: string, incoming = true): Promise<Dialog> {
    const [towards, back] = incoming ? [wire.to(connection), wire.from(connection)] : [wire.from(connection), wire.to(connection)];
    const [row] = await wire.signalling(`${towards} && sip.Method=="INVITE" && ${invite}`, 'sip.Call-ID', 'frame.number');
    if (!row) throw new Error(`no INVITE with ${invite}`);
    const same = `sip.Call-ID=="${row[0]}"`;
    return {
      callId: row[0] as string,
      invited: Number(row[1]),
      answered: await wire.first(`${back} && sip.Status-Code==200 && sip.CSeq.method=="INVITE" && ${same}`),
      ended: await wire.first(`((${towards}) || (${back})) && sip.Method=="BYE" && ${same}`),
    };
  }

  async function chunk(text: string): Promise<number> {
    const [row] = await wire.packets(`msrp.method=="SEND" && tcp contains "${text}"`, 'frame.number');
    return Number(row?.[0]);
  }

  const service = (name: string) => `sip.Accept-Contact contains "oma.cpm.${name}"`;
  const inConversation = () => `sip.msg_hdr contains "Conversation-ID: ${conversationId}"`;
  const beside = 'sdp.media_attr contains "beside-chat.txt"';

  test('no packet is malformed', async () => {
    expect(await wire.count('sip')).toBeGreaterThan(200);
    expect(await wire.malformed()).toBe(0);
  });

  test('R-PF-10: a chat, a large message and a file of one conversation are three sessions with one Conversation-ID', async () => {
    const sessions = [
      await dialog(bob, `${service('session')} && ${inConversation()}`),
      await dialog(bob, `${service('largemsg')} && ${inConversation()}`),
      await dialog(bob, `${service('filetransfer')} && ${inConversation()}`),
    ];
    expect(new Set(sessions.map(({ callId }) => callId)).size).toBe(3);
    expect(Math.max(...sessions.map(({ answered }) => answered))).toBeLessThan(Math.min(...sessions.map(({ ended }) => ended)));
    expect(await wire.count(`sip.Method=="INVITE" && ${inConversation()}`)).toBe(6);
    expect(inOneThread).toEqual(['before the large one', 'L'.repeat(20_000), 'beside-chat.txt', 'the file waits']);
  });

  test('R-AD-08: the end of a chat leaves the file beside it', async () => {
    const chat = await dialog(bob, `${service('session')} && ${inConversation()}`);
    const file = await dialog(bob, beside);
    const octets = await chunk(new TextDecoder().decode(OCTETS));
    expect([file.invited, file.answered, chat.ended, octets, file.ended]).toEqual(
      [file.invited, file.answered, chat.ended, octets, file.ended].sort((a, b) => a - b),
    );
    expect(chat.callId).not.toBe(file.callId);
  });

  test('R-AD-08 R-AD-03 R-V20-19: a file is sent during a chat, by a dialog of its own whose end leaves the chat', async () => {
    const file = await dialog(bob, 'sdp.media_attr contains "during-chat.txt"', false);
    const chats = await wire.signalling(
      `${wire.to(bob)} && sip.Method=="INVITE" && ${service('session')} && sip.from.user=="alice"`,
      'sip.Call-ID',
    );
    expect(chats).toHaveLength(1);
    const chat = await dialog(bob, `${service('session')} && sip.from.user=="alice"`);
    const [before, after] = [await chunk('send it now'), await chunk('I have it')];
    const order = [chat.answered, before, file.invited, file.answered, file.ended, after, chat.ended];
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(file.callId).not.toBe(chat.callId);
    expect(said).toEqual(expect.arrayContaining(['send it now', 'I have it']));
  });

  test('R-PF-11: five chats with five people are open at once', async () => {
    const chats = await Promise.all(GUESTS.map((user) => dialog(bob, `${service('session')} && sip.from.user=="${user}"`)));
    expect(new Set(chats.map(({ callId }) => callId)).size).toBe(GUESTS.length);
    expect(Math.max(...chats.map(({ answered }) => answered))).toBeLessThan(Math.min(...chats.map(({ ended }) => ended)));
    for (const user of GUESTS) {
      const at = await chunk(`I am ${user}`);
      expect(at).toBeGreaterThan(Math.max(...chats.map(({ answered }) => answered)));
      expect(at).toBeLessThan(Math.min(...chats.map(({ ended }) => ended)));
    }
    expect(said).toEqual(expect.arrayContaining(GUESTS.map((user) => `I am ${user}`)));
  });

  test('R-PF1-11: audio and video of an offer are refused with port 0, and the chat goes on', async () => {
    const { callId } = await dialog(bob, `${service('session')} && ${inConversation()}`);
    const [[media] = []] = await wire.signalling(
      `${wire.from(bob)} && sip.Status-Code==200 && sip.CSeq.method=="INVITE" && sip.Call-ID=="${callId}"`,
      'sdp.media',
    );
    const [message, audio, video] = (media ?? '').split('|');
    expect(message).toMatch(/^message [1-9][0-9]* TCP\/MSRP \*/);
    expect(audio).toMatch(/^audio 0 RTP\/AVP/);
    expect(video).toMatch(/^video 0 RTP\/AVP/);
    expect(said).toEqual(expect.arrayContaining(['before the large one', 'the file waits']));
  });

  test('R-PF-07: invitations, changes and ends of a session pass both ways', async () => {
    const [dave] = (await wire.connectionsOf('dave')).slice(-1) as [number];
    const [erin] = (await wire.connectionsOf('erin')).slice(-1) as [number];
    const change = 'sip.Method=="INVITE" && sip.to.tag';
    for (const [from, to] of [
      [dave, erin],
      [erin, dave],
    ] as const) {
      const [sent] = await wire.frames(`${wire.from(from)} && ${change}`);
      const [passed] = await wire.frames(`${wire.to(to)} && ${change}`);
      const answers = await wire.frames(`${wire.to(from)} && sip.Status-Code==200 && sip.CSeq.method=="INVITE"`);
      const answered = answers.find((frame) => frame > (sent as number));
      const order = [sent, passed, answered].map(Number);
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }
    expect(await wire.count(`${wire.from(dave)} && sip.Method=="INVITE" && !sip.to.tag`)).toBe(1);
    expect(await wire.count(`${wire.to(erin)} && sip.Method=="INVITE" && !sip.to.tag`)).toBe(1);
    expect(await wire.count(`${wire.from(erin)} && sip.Method=="BYE"`)).toBe(1);
    expect(await wire.count(`${wire.to(dave)} && sip.Method=="BYE"`)).toBe(1);
  });

  test('R-PF-08: when the connection of one side is lost the network ends the session with the other', async () => {
    const [row] = await wire.packets('msrp.method=="SEND" && tcp contains "I am in a tunnel"', 'frame.number');
    const byes = await wire.signalling(
      `${wire.to(bob)} && sip.Method=="BYE" && sip.Reason contains "cause=480"`,
      'frame.number',
      'sip.Call-ID',
    );
    expect(byes).toHaveLength(1);
    const [[bye, callId] = []] = byes;
    expect(Number(bye)).toBeGreaterThan(Number(row?.[0]));
    expect(await wire.count(`${wire.to(bob)} && sip.Method=="INVITE" && sip.from.user=="carol" && sip.Call-ID=="${callId}"`)).toBe(1);
    expect(await wire.count(`${wire.from(bob)} && sip.Status-Code==200 && sip.CSeq.method=="BYE" && sip.Call-ID=="${callId}"`)).toBe(1);
    const carols = await wire.connectionsOf('carol');
    for (const carol of carols) expect(await wire.count(`${wire.from(carol)} && sip.Method=="BYE" && sip.Call-ID=="${callId}"`)).toBe(0);
    const closed = await wire.packets(`tcp.srcport==${carols[1]} && (tcp.flags.fin==1 || tcp.flags.reset==1)`, 'frame.number');
    expect(Number(closed[0]?.[0])).toBeLessThan(Number(bye));
  });

  test('R-PF1-09: nothing but SIP and its keep-alives runs between clients and the network', async () => {
    const keepAlive = 'tcp.payload == 0d:0a || tcp.payload == 0d:0a:0d:0a';
    // what TCP sent again, or what belongs to a message in a later packet, is not dissected by itself
    const again = 'tcp.reassembled_in || tcp.analysis.retransmission || tcp.analysis.spurious_retransmission || tcp.analysis.out_of_order';
    const unexplained = await wire.signalling(
      `tcp.len>0 && !sip && !(${keepAlive}) && !(${again})`,
      'frame.number',
      'tcp.len',
      'tcp.payload',
    );
    expect(unexplained).toEqual([]);
    const bodies = await wire.signalling('sip.Content-Type', 'sip.Content-Type');
    const types = new Set(bodies.flatMap(([each]) => (each ?? '').split('|')).map((each) => each.split(';', 1)[0]));
    // the list of what waits is the body of an event, which is SIP as well (cpm.md section 11.1)
    expect([...types].sort()).toEqual(['application/sdp', DEFERRED_INFO_TYPE, 'message/cpim', 'multipart/mixed']);
    expect(await wire.count('sdp')).toBeGreaterThan(0);
  });

  test('R-PF1-01: requests outside of a session name people or the domain, and no function but what is subscribed to', async () => {
    for (const connection of [alice, bob]) {
      const starts = await wire.signalling(
        `${wire.from(connection)} && sip.Request-Line && !sip.to.tag && sip.Method!="CANCEL"`,
        'sip.Method',
        'sip.r-uri',
      );
      expect(starts.length).toBeGreaterThan(1);
      for (const [method, uri] of starts) {
        if (method === 'REGISTER') expect(uri).toBe('sip:parley.example');
        // the one service that is asked for by its name (cpm.md section 11.1)
        else if (method === 'SUBSCRIBE') expect(uri).toBe('sip:CPMDeferredMsgHndlg@parley.example');
        else expect(uri).toMatch(/^sip:[a-z]+@parley\.example$/);
      }
    }
  });

  test('R-PF1-03 R-PF1-13: the client that sends a file connects to where the answer says, and names that path', async () => {
    const { callId, answered } = await dialog(bob, 'sdp.media_attr contains "during-chat.txt"', false);
    const same = `sip.Call-ID=="${callId}" && sip.CSeq.method=="INVITE"`;
    const pathIn = async (filter: string): Promise<string> => {
      const [[attributes] = []] = await wire.signalling(`${filter} && ${same}`, 'sdp.media_attr');
      return /path:(msrp:[^|]+)/.exec(attributes ?? '')?.[1] as string;
    };
    const [offered, accepted] = [await pathIn('sip.Method=="INVITE"'), await pathIn('sip.Status-Code==200')];
    const [sent] = await wire.packets(
      `msrp.method=="SEND" && msrp.from.path contains "${offered}"`,
      'msrp.to.path',
      'tcp.dstport',
      'tcp.stream',
      'frame.number',
    );
    expect(sent?.[0]).toContain(accepted);
    expect(accepted).toContain(`:${sent?.[1]}/`);
    const [opened] = await wire.packets(`tcp.stream==${sent?.[2]} && tcp.flags.syn==1 && tcp.flags.ack==0`, 'tcp.dstport', 'frame.number');
    expect(opened?.[0]).toBe(sent?.[1]);
    expect(answered).toBeLessThan(Number(opened?.[1]));
  });
});
