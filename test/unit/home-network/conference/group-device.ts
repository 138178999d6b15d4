import { afterEach } from 'vitest';
import type { HomeNetwork, HomeNetworkOptions } from '../../../../electron/home-network/index.ts';
import { createMsrpEngine } from '../../../../electron/msrp/engine.ts';
import type { MsrpEngine, MsrpSession } from '../../../../electron/msrp/port.ts';
import { concatBytes, fromUtf8, utf8 } from '../../../../shared/base/bytes.ts';
import type { ConferenceInfo } from '../../../../shared/protocol/conference/conference.ts';
import { decodeConferenceInfo } from '../../../../shared/protocol/conference/conference-info.ts';
import { header, type SipRequest, type SipResponse } from '../../../../shared/protocol/sip/message.ts';
import type { SipPeer } from '../../../harness/sip-peer.ts';
import { cancelOf } from '../call.ts';
import { device, start } from '../start.ts';

export const FACTORY = 'sip:conference-factory@home1.example';
export const at = (user: string): string => `sip:${user}@home1.example`;
const SESSION = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"';
/** of a group as its creator says them */
export const IDS = [
  ['Conversation-ID', '647ee1c4-d096-487d-a16d-ac517a4907b0'],
  ['Contribution-ID', 'e5dd5d0f-f75d-430e-af16-09d356a450a6'],
  ['Subject', 'Saturday climb'],
] as const;
const GROUP_PEOPLE = ['alice', 'bob', 'carol', 'dave', 'erin'];
/** ms: as slow as any machine */
const PATIENCE = 15_000;
export const wait = { timeout: PATIENCE };

const engines: MsrpEngine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
});

/** A network of five people. */
export function groupNetwork(options: Partial<HomeNetworkOptions> = {}): Promise<HomeNetwork> {
  const users = GROUP_PEOPLE.map((user) => ({ user, password: `${user}-secret`, displayName: user[0]?.toUpperCase() + user.slice(1) }));
  return start({ users, ...options });
}

/** One device of somebody, scripted: it writes and reads SIP itself, and has an end for octets. */
export class GroupDevice {
  readonly sip: SipPeer;
  readonly user: string;
  /** what was said to it, whole messages */
  readonly heard: string[] = [];
  session!: MsrpSession;
  /** of the dialog that it has begun */
  invite: SipRequest | null = null;
  ok: SipResponse | null = null;
  /** by name, as the roster has them */
  readonly people = new Map<string, string>();
  /** the invitation that it took */
  #taken: SipRequest | null = null;
  #sequence = 1;

  constructor(sip: SipPeer, user: string) {
    this.sip = sip;
    this.user = user;
  }

  static async of(network: HomeNetwork, user: string, instance?: string): Promise<GroupDevice> {
    const sip = await device(network, user, instance);
    const { status } = await sip.register({ features: SESSION });
    if (status !== 200) throw new Error(`registration refused: ${status}`);
    const made = new GroupDevice(sip, user);
    await made.newSession();
    return made;
  }

  static async all<const N extends readonly string[]>(network: HomeNetwork, names: N): Promise<{ -readonly [K in keyof N]: GroupDevice }> {
    return (await Promise.all(names.map((name) => GroupDevice.of(network, name)))) as { -readonly [K in keyof N]: GroupDevice };
  }

  get gruu(): string {
    return `${at(this.user)};gr=${this.sip.instance}`;
  }

  /** Contact of the focus that it is in: the identity of the group. */
  get identity(): string {
    return /<([^>]+)>/.exec(header(this.ok as SipResponse, 'Contact') ?? '')?.[1] ?? '';
  }

  async newSession(): Promise<void> {
    const engine = createMsrpEngine();
    engines.push(engine);
    await engine.listen({ host: '127.0.0.1', port: 0 });
    this.session = engine.createSession({
      onMessage: () => {
        const parts: Uint8Array[] = [];
        return {
          write: (_, octets) => void parts.push(octets.slice()),
          complete: () => void this.heard.push(fromUtf8(concatBytes(parts))),
          abort: () => undefined,
        };
      },
      onClosed: () => undefined,
    });
  }

  sdp(setup: string, extra: readonly string[] = []): string {
    const port = /:(\d+)\//.exec(this.session.localUri)?.[1];
    return [
      ...['v=0', `o=${this.user} 1 1 IN IP4 127.0.0.1`, 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=message ${port} TCP/MSRP *`, 'a=sendrecv'],
      ...['a=accept-types:message/cpim', 'a=accept-wrapped-types:text/plain message/imdn+xml application/im-iscomposing+xml'],
      ...[`a=path:${this.session.localUri}`, `a=setup:${setup}`, ...extra, ''],
    ].join('\r\n');
  }

  /** The INVITE of F07-01, or without a list that of F08-01. */
  groupInvite(
    uri: string,
    entries: readonly string[] | null,
    extra: readonly (readonly [string, string])[] = [],
    lines: readonly string[] = [],
  ): SipRequest {
    const list = (entries ?? []).map((entry) => (entry.startsWith('<') ? entry : `<entry uri="${entry}" cp:copyControl="to"/>`)).join('');
    const body =
      entries === null
        ? this.sdp('actpass', lines)
        : [
            ...[
              '--b',
              'Content-Type: application/sdp',
              '',
              this.sdp('actpass', lines),
              '--b',
              'Content-Type: application/resource-lists+xml',
            ],
            ...['Content-Disposition: recipient-list', '', '<?xml version="1.0" encoding="UTF-8"?>'],
            `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists" xmlns:cp="urn:ietf:params:xml:ns:copycontrol"><list>${list}</list></resource-lists>`,
            '--b--',
          ].join('\r\n');
    return this.sip.build('INVITE', uri, {
      headers: [
        ['Contact', `<${this.gruu}>;+sip.instance="<${this.sip.instance}>";${SESSION}`],
        ['Accept-Contact', `*;${SESSION};require;explicit`],
        ...(entries === null ? [] : ([['Require', 'recipient-list-invite']] as const)),
        ['Supported', 'timer, gruu'],
        ['Session-Expires', '1800;refresher=uac'],
        ['Content-Type', entries === null ? 'application/sdp' : 'multipart/mixed;boundary=b'],
        ...extra,
      ],
      body,
    });
  }

  /** Sends that INVITE and is in: 200, ACK, octets can flow. @returns the refusal where it is refused */
  async enter(invite: SipRequest): Promise<SipResponse> {
    this.sip.send(invite);
    const ok = await this.sip.final(invite, PATIENCE);
    if (ok.status !== 200) return ok;
    this.invite = invite;
    this.ok = ok;
    this.#sequence = 1;
    this.sip.send(this.sip.inDialog(invite, ok, 'ACK', 1));
    await this.session.connect({ role: 'active', remotePath: [pathIn(ok)] });
    return ok;
  }

  /** CPIM From, where it is not its own address */
  speaker: string | null = null;
  /** What it calls the group in what it says. */
  group = 'sip:anonymous@anonymous.invalid';

  /** A request in the dialog that it has begun. */
  async inside(
    method: string,
    options: { readonly headers?: readonly (readonly [string, string])[]; readonly body?: string } = {},
  ): Promise<SipResponse> {
    this.#sequence += 1;
    const request = this.sip.inDialog(this.invite as SipRequest, this.ok as SipResponse, method, this.#sequence, options);
    this.sip.send(request);
    return this.sip.final(request, PATIENCE);
  }

  /** Takes an invitation that rings. */
  async accept(invite: SipRequest): Promise<void> {
    this.sip.answer(invite, 200, 'OK', {
      headers: [
        ['Contact', `<${this.gruu}>;+sip.instance="<${this.sip.instance}>";${SESSION}`],
        ['Supported', 'timer'],
        ['Require', 'timer'],
        ['Session-Expires', '1800;refresher=uas'],
        ['Content-Type', 'application/sdp'],
      ],
      body: this.sdp('active'),
    });
    this.#taken = invite;
    await this.sip.request('ACK', PATIENCE);
    await this.session.connect({ role: 'active', remotePath: [pathIn(invite)] });
  }

  /** A request in the dialog of the invitation that it took. */
  async back(method: string, headers: readonly (readonly [string, string])[] = [], body?: string): Promise<SipResponse> {
    this.#sequence += 1;
    const request = this.sip.inDialogBack(
      this.#taken as SipRequest,
      method,
      this.#sequence,
      body === undefined ? { headers } : { headers, body },
    );
    this.sip.send(request);
    return this.sip.final(request, PATIENCE);
  }

  cancelOf(invite: SipRequest): SipRequest {
    return cancelOf(invite);
  }

  invited(): Promise<SipRequest> {
    return this.sip.request('INVITE', PATIENCE);
  }

  async ended(): Promise<SipRequest> {
    const bye = await this.sip.request('BYE', PATIENCE);
    this.sip.answer(bye, 200, 'OK');
    return bye;
  }

  say(text: string): Promise<void> {
    const head = [
      `From: <${this.speaker ?? at(this.user)}>`,
      `To: <${this.group}>`,
      'NS: imdn <urn:ietf:params:imdn>',
      `imdn.Message-ID: ${text}`,
    ];
    const source = utf8([...head, '', 'Content-Type: text/plain', '', text].join('\r\n'));
    return this.session.send({ contentType: 'message/cpim', source, successReport: false });
  }

  /** SUBSCRIBE to the roster. @returns its answer */
  async subscribe(identity: string): Promise<SipResponse> {
    const headers = [
      ['Contact', `<${this.gruu}>`],
      ['Event', 'conference'],
      ['Accept', 'application/conference-info+xml'],
      ['Expires', '3600'],
    ] as const;
    return this.sip.ask('SUBSCRIBE', identity, { headers });
  }

  /** The next document of the roster, acknowledged. */
  async roster() {
    const notify = (await this.sip.next(
      (message) => message.kind === 'request' && message.method === 'NOTIFY' && header(message, 'Event') === 'conference',
      PATIENCE,
    )) as SipRequest;
    this.sip.answer(notify, 200, 'OK');
    return { info: decodeConferenceInfo(notify.body), state: header(notify, 'Subscription-State') ?? '', notify };
  }

  /** Reads the roster until everybody there is as said: `{ bob: 'connected dialed-in' }`. @param first a document that was read already */
  async untilRoster(wanted: Readonly<Record<string, string>>, first?: ConferenceInfo): Promise<void> {
    for (let info = first ?? (await this.roster()).info; ; info = (await this.roster()).info) {
      if (info.state === 'full') this.people.clear();
      for (const user of info.users?.list ?? []) this.people.set(/^sip:([^@]+)@/.exec(user.entity)?.[1] ?? user.entity, standing(user));
      if (Object.entries(wanted).every(([name, words]) => this.people.get(name) === words)) return;
    }
  }

  async report(): Promise<string> {
    const notify = (await this.sip.next(
      (message) => message.kind === 'request' && message.method === 'NOTIFY' && /^refer/.test(header(message, 'Event') ?? ''),
      PATIENCE,
    )) as SipRequest;
    this.sip.answer(notify, 200, 'OK');
    return `${header(notify, 'Event')} ${header(notify, 'Subscription-State')} ${fromUtf8(notify.body).trim()}`;
  }
}

export function standing({
  state,
  endpoints,
}: {
  readonly state: string;
  readonly endpoints: readonly {
    readonly status: string | null;
    readonly joiningMethod: string | null;
    readonly disconnectionMethod: string | null;
  }[];
}): string {
  if (state === 'deleted') return 'deleted';
  return endpoints
    .map((each) => [each.status, each.joiningMethod, each.disconnectionMethod].filter((word) => word !== null).join(' '))
    .join(', ');
}

export const pathIn = (message: SipRequest | SipResponse): string => /^a=path:(\S+)/m.exec(fromUtf8(message.body))?.[1] ?? '';

/** By name, as it was told. */
export function rosterOf({ people }: GroupDevice): Record<string, string> {
  return Object.fromEntries(people);
}
