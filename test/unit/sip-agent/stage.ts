import { afterEach, beforeEach, expect, vi } from 'vitest';
import type { Binding, OutgoingRequest, UserAgent, UserAgentOptions } from '../../../electron/sip/port.ts';
import { createUserAgent } from '../../../electron/sip/user-agent.ts';
import { utf8 } from '../../../shared/base/bytes.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { type Extra, type ScriptedConnection, ScriptedSipServer } from '../../harness/scripted-sip-server.ts';

export const INSTANCE = 'urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6';
export const GRUU = `sip:alice@home1.example;gr=${INSTANCE}`;
export const TEMPORARY_GRUU = 'sip:tgruu.7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5@home1.example;gr';

const SERVICES = ['oma.cpm.msg', 'oma.cpm.largemsg', 'oma.cpm.session', 'oma.cpm.filetransfer', 'oma.cpm.deferred'];

/** One agent and one scripted server a test, and a watch for anything that escapes a promise. */
export interface Stage {
  readonly server: ScriptedSipServer;
  agent(options?: Partial<UserAgentOptions>): UserAgent;
  /** an agent registered at once, with the answer of the server changed by `answer` */
  registered(
    options?: Partial<UserAgentOptions>,
    answer?: Extra,
  ): Promise<{ agent: UserAgent; connection: ScriptedConnection; binding: Binding; register: SipRequest }>;
}

export function useStage(): Stage {
  let server: ScriptedSipServer;
  let agents: UserAgent[] = [];
  let escaped: unknown[] = [];
  const onEscape = (reason: unknown): void => {
    escaped.push(reason);
  };

  beforeEach(async () => {
    escaped = [];
    agents = [];
    process.on('unhandledRejection', onEscape);
    process.on('uncaughtException', onEscape);
    server = await ScriptedSipServer.start();
  });

  afterEach(async () => {
    for (const agent of agents) await agent.close();
    await server.stop();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', onEscape);
    process.off('uncaughtException', onEscape);
    expect(escaped).toEqual([]);
  });

  const stage: Stage = {
    get server() {
      return server;
    },
    agent(options = {}) {
      const agent = createUserAgent({
        address: 'sip:alice@home1.example',
        displayName: '',
        user: 'alice@home1.example',
        password: 'Pa55-0rd',
        outboundProxy: { host: '127.0.0.1', port: server.port },
        transport: 'tcp',
        instanceUrn: INSTANCE,
        services: SERVICES,
        userAgent: 'CPM-client/OMA2.0 Parley/0.1.0 (Linux x86_64)',
        expires: 3600,
        ...options,
      });
      agents.push(agent);
      return agent;
    },
    async registered(options, answer = {}) {
      const agent = stage.agent(options);
      const [connection, binding, register] = await (async () => {
        const opened = server.connection();
        const pending = agent.register();
        const first = await opened;
        const request = await first.request('REGISTER');
        first.reply(request, 200, { ...answer, headers: answer.headers ?? bindingHeaders(request) });
        return [first, await pending, request] as const;
      })();
      return { agent, connection, binding, register };
    },
  };
  return stage;
}

/** the headers of F01-04 */
export function bindingHeaders(register: SipRequest, expires = 3600): [string, string][] {
  const contact = (header(register, 'Contact') ?? '').replace(/;expires=[0-9]+$/, '');
  return [
    ['Contact', `${contact};pub-gruu="${GRUU}";temp-gruu="${TEMPORARY_GRUU}";expires=${expires}`],
    ['Path', '<sip:term@pcscf.home1.example;lr;ob>'],
    ['Service-Route', '<sip:orig@scscf.home1.example;lr>'],
    ['P-Associated-URI', '<sip:alice@home1.example>, <tel:+15550100001>'],
    ['Supported', 'path, gruu, outbound'],
    ['Require', 'outbound'],
    ['Flow-Timer', '120'],
  ];
}

const ICSI = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi';

export function pagerMessage(overrides: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return {
    target: 'sip:bob@home2.example',
    headers: [
      { name: 'Accept-Contact', value: `*;${ICSI}.oma.cpm.msg";require;explicit` },
      { name: 'P-Preferred-Service', value: 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg' },
      { name: 'P-Preferred-Identity', value: '<sip:alice@home1.example>' },
      { name: 'Conversation-ID', value: '4ae47b2b-9417-4a5d-acf5-8c4737244f97' },
    ],
    contactParameters: '',
    contentType: 'message/cpim',
    body: utf8('From: <sip:alice@home1.example>\r\n\r\nContent-Type: text/plain\r\n\r\nhéllo €'),
    ...overrides,
  };
}

export const OFFER = 'v=0\r\no=alice 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\n';
export const ANSWER = OFFER.replace('o=alice 1 1', 'o=bob 7 7');

export function fileInvite(overrides: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return {
    target: 'sip:bob@home2.example',
    headers: [
      { name: 'Accept-Contact', value: `*;${ICSI}.oma.cpm.filetransfer";require;explicit` },
      { name: 'P-Preferred-Identity', value: '<sip:alice@home1.example>' },
      { name: 'Contribution-ID', value: 'a2bf7895-79cc-4472-aa49-dec738325008' },
    ],
    contactParameters: `${ICSI}.oma.cpm.filetransfer"`,
    contentType: 'application/sdp',
    body: utf8(OFFER),
    ...overrides,
  };
}

export const BOB_CONTACT: readonly (readonly [string, string])[] = [
  [
    'Contact',
    '<sip:bob@home2.example;gr=urn:uuid:3c5a1f0e-9b1d-4d6f-8a55-2f6f0a7b9d11>;+sip.instance="<urn:uuid:3c5a1f0e-9b1d-4d6f-8a55-2f6f0a7b9d11>"',
  ],
];

/** For a request whose answer the test never gives: it fails when the agent closes. */
export function abandoned(pending: Promise<unknown>): void {
  pending.catch(() => undefined);
}

/** Lets faked time go by in steps, in which the server answers pings. */
export async function pass(connection: ScriptedConnection, milliseconds: number): Promise<void> {
  connection.answersPings = true;
  for (let left = milliseconds; left > 0; left -= 1000) {
    vi.advanceTimersByTime(Math.min(1000, left));
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}
