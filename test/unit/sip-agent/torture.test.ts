import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { UserAgent } from '../../../electron/sip/port.ts';
import { createUserAgent } from '../../../electron/sip/user-agent.ts';
import { header } from '../../../shared/protocol/sip/message.ts';
import { type Credentials, TestAuthority } from '../../harness/certificates.ts';
import { requestOf, type ScriptedConnection, ScriptedSipServer } from '../../harness/scripted-sip-server.ts';
import { bindingHeaders, INSTANCE } from './stage.ts';

/**
 * What becomes of each message in the client: the status it answers, after what its services were given; `-`: no answer. A message is sent to
 * the user that it is for. What the RFC says stands beside it where that is not plain.
 */
const RFC_4475: Readonly<Record<string, string>> = {
  // 3.1.1, valid
  wsinv: '481', // a To tag of no dialog
  intmeth: '405',
  esc01: 'invite 486',
  escnull: '405', // REGISTER to who is no registrar, here and below
  esc02: '405', // the escapes of a method stand for themselves: this is no REGISTER
  lwsdisp: '200',
  longreq: 'invite 486',
  dblreq: '405',
  semiuri: '200',
  transports: '200',
  mpart01: 'message 200',
  unreason: '-',
  noreason: '-',
  // 3.1.2, invalid
  badinv01: '400',
  clerr: '400',
  ncl: '400',
  scalar02: '400',
  scalarlg: '-', // a response
  quotbal: '400',
  ltgtruri: '400',
  lwsruri: '400',
  lwsstart: '400',
  trws: '400',
  escruri: '400',
  baddate: 'invite 486', // "an element may choose to be liberal": nobody reads the Date
  regbadct: '400',
  badaspec: '400',
  baddn: '400',
  badvers: '505',
  mismatch01: '400',
  mismatch02: '400', // or 501
  bigcode: '-',
  // 3.2
  badbranch: '200', // taken as one of RFC 2543
  // 3.3
  insuf: '-', // nothing that an answer could be matched by
  unkscm: '416',
  novelsc: '416',
  unksm2: '405',
  bext01: '420',
  invut: 'invite 486', // the services know types
  regaut01: '405',
  multi01: '400',
  mcl01: '400',
  bcast: '-',
  zeromf: '200', // the end of the way: it is not forwarded
  cparam01: '405',
  cparam02: '405',
  regescrt: '405',
  sdp01: 'invite 486',
  // 3.4
  inv2543: '400', // without Contact no dialog could be kept
};

const RFC_5118: Readonly<Record<string, string>> = {
  'ipv6-good': '405',
  'ipv6-bad': '400',
  'port-ambiguous': '405',
  'port-unambiguous': '405',
  'via-received-param-with-delim': '481',
  'via-received-param-no-delim': '200',
  'ipv6-in-sdp': 'invite 486',
  'mult-ip-in-header': '481',
  'mult-ip-in-sdp': 'invite 486',
  'ipv4-mapped-ipv6': 'invite 486',
  'ipv6-bug-abnf-3-colons': '200',
  'ipv6-correct-abnf-2-colons': '200',
};

/** On a stream nothing but Content-Length says where a message ends: where it does not, the connection cannot go on (RFC 3261 section 18.3). */
const ON_A_STREAM: Readonly<Record<string, string>> = {
  inv2543: 'lost',
  mcl01: 'lost',
  ncl: 'lost',
  // what follows the first message is the next one
  dblreq: '405, 404, lost',
  // all of it has come once the octets are there
  clerr: 'invite 486',
};

const CASES = Object.entries({ rfc4475: RFC_4475, rfc5118: RFC_5118 }).flatMap(([folder, verdicts]) =>
  Object.entries(verdicts).map(([name, verdict]) => ({ folder, name, verdict })),
);
const vectors = new URL('../../vectors/', import.meta.url);
const namesIn = (folder: string): string[] => readdirSync(new URL(folder, vectors)).map((file) => file.replace('.dat', ''));
/** `baddn` is without its last line in the archive of the RFC, and is not about that */
const octetsOf = (folder: string, name: string): Uint8Array =>
  new Uint8Array([...readFileSync(new URL(`${folder}/${name}.dat`, vectors)), ...(name === 'baddn' ? [0x0d, 0x0a] : [])]);

it('the tables have every message of RFC 4475 and of RFC 5118', () => {
  expect(Object.keys(RFC_4475).sort()).toEqual(namesIn('rfc4475').sort());
  expect(Object.keys(RFC_4475)).toHaveLength(49);
  expect(Object.keys(RFC_5118).sort()).toEqual(namesIn('rfc5118').sort());
  expect(Object.keys(RFC_5118)).toHaveLength(12);
});

describe.each(['tcp', 'wss'] as const)('the client, over %s', (transport) => {
  let authority: TestAuthority;
  let credentials: Credentials;
  let server: ScriptedSipServer | null = null;
  let agent: UserAgent | null = null;
  const escaped: unknown[] = [];
  const onEscape = (reason: unknown): void => {
    escaped.push(reason);
  };

  beforeAll(() => {
    authority = new TestAuthority();
    credentials = authority.issue('DNS:example.com');
    process.on('uncaughtException', onEscape);
    process.on('unhandledRejection', onEscape);
    return () => {
      process.off('uncaughtException', onEscape);
      process.off('unhandledRejection', onEscape);
    };
  });
  afterEach(async () => {
    await agent?.close();
    await server?.stop();
    expect(escaped).toEqual([]);
  });

  /** registered as whoever the message is for, and everything it tells */
  async function registeredAs(user: string): Promise<{ connection: ScriptedConnection; told: string[] }> {
    server = await ScriptedSipServer.start({ transport, tls: credentials });
    agent = createUserAgent({
      address: `sip:${user}@example.com`,
      displayName: '',
      user,
      password: 'x',
      outboundProxy: { host: '127.0.0.1', port: server.port },
      transport,
      caCertificates: authority.certificate,
      instanceUrn: INSTANCE,
      services: [],
      userAgent: 'Parley',
      expires: 3600,
    });
    const opened = server.connection();
    const registering = agent.register();
    const connection = await opened;
    const register = await connection.request('REGISTER');
    connection.reply(register, 200, { headers: bindingHeaders(register) });
    await registering;
    const told: string[] = [];
    agent.events.onMessage((message) => {
      told.push('message');
      message.answer(200);
    });
    agent.events.onInvite((invite) => {
      told.push('invite');
      invite.reject(486);
    });
    agent.events.onLost(() => told.push('lost'));
    return { connection, told };
  }

  it.each(CASES)('$folder $name: $verdict', async ({ folder, name, verdict }) => {
    const octets = octetsOf(folder, name);
    const wanted = (transport === 'tcp' ? ON_A_STREAM[name] : undefined) ?? verdict;
    const user = /^\S+ +<?sips?:([^@\s]+)@/.exec(Buffer.from(octets).toString('latin1'))?.[1] ?? 'user';
    const { connection, told } = await registeredAs(user);
    connection.write(octets);
    if (transport === 'tcp' && name === 'clerr') connection.write(' '.repeat(missingOf(octets)));
    const answers = (): string[] =>
      connection.untaken.flatMap((message) => (message.kind === 'response' && message.status > 100 ? [String(message.status)] : []));
    const outcome = (): string => {
      const before = told.filter((each) => each !== 'lost').join(' ');
      const parts = [...answers(), ...(connection.isClosed ? ['lost'] : [])];
      return `${before === '' ? '' : `${before} `}${parts.join(', ') || '-'}`;
    };
    if (wanted !== '-') await connection.until(() => outcome() === wanted || connection.isClosed);
    if (!connection.isClosed) {
      // what it answers comes before the answer to this one
      connection.send(requestOf('OPTIONS', { uri: 'sip:example.com', callId: 'after', branch: 'z9hG4bKafter' }));
      await connection.until(() => connection.untaken.some((message) => header(message, 'Call-ID') === 'after'));
      const last = connection.untaken.at(-1);
      expect(last).toMatchObject({ kind: 'response', status: 200 });
      expect(outcome()).toBe(`${wanted === '-' ? '' : `${wanted}, `}200`);
    } else expect(outcome()).toBe(wanted);
  });
});

/** octets that Content-Length announces and that are not there */
function missingOf(octets: Uint8Array): number {
  const text = Buffer.from(octets).toString('latin1');
  return Number(/^Content-Length: *([0-9]+)/im.exec(text)?.[1]) - (text.length - text.indexOf('\r\n\r\n') - 4);
}
