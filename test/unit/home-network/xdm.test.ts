import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { readArguments } from '../../../electron/home-network/arguments.ts';
import type { HomeAccount, HomeNetwork } from '../../../electron/home-network/index.ts';
import { blockedUris } from '../../../electron/home-network/xdm/block-list.ts';
import { PREFERENCES, RESOURCE_LISTS } from '../../../electron/home-network/xdm/usages.ts';
import { answerXcap, entityTag, type XcapRequest } from '../../../electron/home-network/xdm/xcap.ts';
import { createXcapClient } from '../../../electron/xcap/xcap-client.ts';
import { fromUtf8, NO_BYTES, utf8 } from '../../../shared/base/bytes.ts';
import { DEFAULT_NETWORK_PREFERENCES, preferenceElements, preferencesFrom } from '../../../shared/model/network-preferences.ts';
import {
  decodePreferences,
  encodePreferences,
  PREFERENCES_AUID,
  PREFERENCES_TYPE,
} from '../../../shared/protocol/preferences/preferences.ts';
import { decodeXcapTarget } from '../../../shared/protocol/xcap/selector.ts';
import { start } from './start.ts';

const run = promisify(execFile);
const LISTS = 'application/resource-lists+xml';
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'parley-xdm-'));
  folders.push(made);
  return made;
}

const accountOf = (network: HomeNetwork, user: string): HomeAccount =>
  network.accounts.find((account) => account.user === user) as HomeAccount;

interface Curled {
  readonly status: number;
  readonly type: string;
  readonly etag: string;
  readonly body: string;
}

/** One request by somebody else's HTTP client, with its own digest. */
async function curl(account: HomeAccount, path: string, ...more: string[]): Promise<Curled> {
  const write = '\n%{http_code} %header{etag} %{content_type}';
  const { stdout } = await run('curl', [
    ...['--silent', '--show-error', '--globoff', '--max-time', '10', '--digest', '--user', `${account.user}:${account.password}`],
    ...['--write-out', write, ...more, `${account.xcapRoot}${path}`],
  ]);
  const [, body = '', status = '0', etag = '', type = ''] = /^([\s\S]*)\n(\d+) (\S*) ?(.*)$/.exec(stdout) ?? [];
  return { status: Number(status), etag, type, body };
}

const put = (type: string, body: string): string[] => ['--request', 'PUT', '--header', `Content-Type: ${type}`, '--data-binary', body];
const INDEX = '/resource-lists/users/sip:bob@home1.example/index';
const FRIENDS = `${INDEX}/~~/resource-lists/list%5b@name=%22friends%22%5d`;
const DOCUMENT = `<?xml version="1.0" encoding="UTF-8"?>
<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">
  <list name="friends">
  </list>
</resource-lists>
`;

describe('R-PF-57: documents by XCAP, asked for by curl', () => {
  it('the example of RFC 4825 section 13', async () => {
    const bill = accountOf(await start(), 'bob');
    expect(await curl(bill, INDEX)).toMatchObject({ status: 404 });
    const made = await curl(bill, INDEX, ...put(LISTS, DOCUMENT));
    expect(made.status).toBe(201);
    const entry = '<entry uri="sip:bob@example.com">\n    <display-name>Bob Jones</display-name>\n  </entry>';
    const added = await curl(bill, `${FRIENDS}/entry`, ...put('application/xcap-el+xml', entry));
    expect(added.status).toBe(201);
    expect(added.etag).not.toBe(made.etag);
    const fetched = await curl(bill, INDEX);
    expect(fetched).toEqual({ status: 200, type: LISTS, etag: added.etag, body: DOCUMENT.replace('  </list>', `  ${entry}</list>`) });
    const close = `<list name="close-friends">
      <entry uri="sip:joe@example.com"><display-name>Joe Smith</display-name></entry>
      <entry uri="sip:nancy@example.com"><display-name>Nancy Gross</display-name></entry>
      <entry uri="sip:petri@example.com"><display-name>Petri Aukia</display-name></entry>
    </list>`;
    const inner = `${FRIENDS}/list%5b@name=%22close-friends%22%5d`;
    expect(await curl(bill, inner, ...put('application/xcap-el+xml', close))).toMatchObject({ status: 201 });
    const petri = `${INDEX}/~~/resource-lists/list/list/entry%5b@uri=%22sip:petri@example.com%22%5d`;
    expect(await curl(bill, petri, '--request', 'DELETE')).toMatchObject({ status: 200 });
    expect(await curl(bill, petri)).toMatchObject({ status: 404 });
    expect(await curl(bill, `${INDEX}/~~/resource-lists/list/list/entry%5b2%5d/@uri`)).toMatchObject({
      status: 200,
      type: 'application/xcap-att+xml',
      body: '"sip:nancy@example.com"',
    });
  });

  it('what is wrong is told in words of RFC 4825 section 11, and conditions are kept', async () => {
    const bob = accountOf(await start(), 'bob');
    const element = (body: string) => put('application/xcap-el+xml', body);
    expect(await curl(bob, `${FRIENDS}/entry`, ...element('<entry uri="sip:x@example.com"/>'))).toMatchObject({
      status: 409,
      type: 'application/xcap-error+xml',
      body: expect.stringContaining('<no-parent/>'),
    });
    expect(await curl(bob, INDEX, ...put(LISTS, '<a><b></a>'))).toMatchObject({
      status: 409,
      body: expect.stringContaining('not-well-formed'),
    });
    expect(await curl(bob, INDEX, ...put('text/plain', DOCUMENT))).toMatchObject({ status: 415 });
    const { etag } = await curl(bob, INDEX, ...put(LISTS, DOCUMENT), '--header', 'If-None-Match: *');
    expect(await curl(bob, INDEX, ...put(LISTS, DOCUMENT), '--header', 'If-None-Match: *')).toMatchObject({ status: 412 });
    expect(await curl(bob, INDEX, ...put(LISTS, DOCUMENT), '--header', 'If-Match: "other"')).toMatchObject({ status: 412 });
    expect(await curl(bob, INDEX, ...put(LISTS, DOCUMENT), '--header', `If-Match: ${etag}`)).toMatchObject({ status: 200, etag });
    expect(await curl(bob, INDEX, '--header', `If-None-Match: ${etag}`)).toMatchObject({ status: 304 });
    const twice = await curl(bob, FRIENDS, ...element('<list name="friends"><entry uri="sip:a@b"/><entry uri="sip:a@b"/></list>'));
    expect(twice).toMatchObject({ status: 409, body: expect.stringContaining('uniqueness-failure') });
    expect(await curl(bob, `${FRIENDS}/namespace::*`)).toMatchObject({ status: 200, type: 'application/xcap-ns+xml' });
    expect(await curl(bob, `${FRIENDS}/namespace::*`, '--request', 'DELETE')).toMatchObject({ status: 405 });
    expect(await curl(bob, '/xcap-caps/global/index')).toMatchObject({
      status: 200,
      body: expect.stringContaining('<auid>parley-preferences</auid>'),
    });
    expect(await curl(bob, INDEX, '--request', 'DELETE')).toMatchObject({ status: 200 });
    expect(await curl(bob, INDEX)).toMatchObject({ status: 404 });
  });

  it('nobody reads or writes the documents of another, or without his password', async () => {
    const network = await start();
    const [alice, bob] = [accountOf(network, 'alice'), accountOf(network, 'bob')];
    await curl(bob, INDEX, ...put(LISTS, DOCUMENT));
    expect(await curl(alice, INDEX)).toMatchObject({ status: 403 });
    expect(await curl(alice, INDEX, ...put(LISTS, DOCUMENT))).toMatchObject({ status: 403 });
    expect(await curl(alice, INDEX, '--request', 'DELETE')).toMatchObject({ status: 403 });
    expect(await curl({ ...bob, password: 'wrong' }, INDEX)).toMatchObject({ status: 401 });
    expect((await curl(bob, INDEX)).body).toBe(DOCUMENT);
    expect((await fetch(`${bob.xcapRoot}${INDEX}`)).status).toBe(401);
  });

  it('nothing without a bound is taken', async () => {
    const bob = accountOf(await start(), 'bob');
    const large = join(await folder(), 'large.xml');
    await writeFile(large, `${DOCUMENT}<!--${'x'.repeat(200_000)}-->`);
    expect(await curl(bob, INDEX, ...put(LISTS, `@${large}`))).toMatchObject({ status: 413 });
    const deep = `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">${'<list>'.repeat(20)}${'</list>'.repeat(20)}</resource-lists>`;
    expect(await curl(bob, INDEX, ...put(LISTS, deep))).toMatchObject({ status: 413 });
    const client = createXcapClient({ root: bob.xcapRoot, user: bob.user, password: bob.password });
    for (let at = 0; at < 16; at++) await client.put(decodeXcapTarget(`${INDEX}${at}`), LISTS, DOCUMENT, 'absent');
    await expect(client.put(decodeXcapTarget(`${INDEX}16`), LISTS, DOCUMENT, 'absent')).rejects.toMatchObject({ code: 'request.invalid' });
  });

  it('what is no HTTP ends the connection, and the others go on', async () => {
    const bob = accountOf(await start(), 'bob');
    const { hostname, port } = new URL(bob.xcapRoot);
    const closed = new Promise((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.write('\0\0\0 nonsense\r\n\r\n'));
      socket.resume().on('error', () => undefined);
      socket.on('close', resolve);
    });
    await closed;
    expect(await curl(bob, INDEX)).toMatchObject({ status: 404 });
  });
});

describe('R-PF-57: what is kept', () => {
  const worker = new URL('../../../electron/home-network/databases/worker.ts', import.meta.url);

  it('documents are there after a restart; without a folder they are gone', async () => {
    const databases = { worker, nativeBinding: null, folder: await folder() };
    const first = await start({ databases });
    expect(await curl(accountOf(first, 'bob'), INDEX, ...put(LISTS, DOCUMENT))).toMatchObject({ status: 201 });
    expect(await curl(accountOf(first, 'carol'), INDEX.replace('bob', 'carol'), ...put(LISTS, DOCUMENT))).toMatchObject({ status: 201 });
    await curl(accountOf(first, 'carol'), INDEX.replace('bob', 'carol'), '--request', 'DELETE');
    await first.close();
    const second = await start({ databases });
    expect((await curl(accountOf(second, 'bob'), INDEX)).body).toBe(DOCUMENT);
    expect(await curl(accountOf(second, 'carol'), INDEX.replace('bob', 'carol'))).toMatchObject({ status: 404 });
    expect(await curl(accountOf(await start(), 'bob'), INDEX)).toMatchObject({ status: 404 });
  });

  it('two at once: one of them hears that it was not as it thought', async () => {
    const bob = accountOf(await start(), 'bob');
    const client = createXcapClient({ root: bob.xcapRoot, user: bob.user, password: bob.password });
    const target = decodeXcapTarget(INDEX);
    await client.put(target, LISTS, DOCUMENT, 'absent');
    const etag = (await client.get(target))?.etag ?? '';
    const changed = (name: string): string => DOCUMENT.replace('friends', name);
    const both = await Promise.all(['a', 'b'].map((name) => client.put(target, LISTS, changed(name), { etag })));
    expect([...both].sort()).toEqual([false, true]);
    expect(fromUtf8((await client.get(target))?.body ?? NO_BYTES)).toBe(changed(both[0] ? 'a' : 'b'));
  });
});

describe('documents of an application usage', () => {
  const answer = (usage: typeof RESOURCE_LISTS, body: string, request: Partial<XcapRequest> = {}) =>
    answerXcap(
      usage,
      { method: 'PUT', node: null, contentType: usage.mediaType, ifMatch: null, ifNoneMatch: null, body: utf8(body), ...request },
      null,
    );
  const lists = (inner: string): string => `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">${inner}</resource-lists>`;

  it.each([
    ['schema-validation-error', '<lists/>'],
    ['schema-validation-error', lists('<entry uri="sip:a@b"/>')],
    ['schema-validation-error', lists('<list><entry/></list>')],
    ['schema-validation-error', lists('<list><entry uri="no uri"/></list>')],
    ['schema-validation-error', lists('<list><person/></list>')],
    ['schema-validation-error', lists('<x xmlns="urn:x"/>')],
    ['uniqueness-failure', lists('<list name="a"/><list name="a"/>')],
    ['uniqueness-failure', lists('<list><list name="a"/><list name="a"/></list>')],
    ['uniqueness-failure', lists('<list><external anchor="http://a/b"/><external anchor="http://a/b"/></list>')],
    ['constraint-failure', lists('<list><external anchor="ftp://a/b"/></list>')],
    ['constraint-failure', lists('<list><entry-ref ref="http://a/b"/></list>')],
    ['not-utf-8', '<?xml version="1.0" encoding="ISO-8859-1"?><resource-lists/>'],
  ])('%s: %s', (conflict, body) => {
    expect(answer(RESOURCE_LISTS, body)).toMatchObject({ status: 409, body: expect.stringContaining(conflict) });
  });

  it('a list may hold what other namespaces add (RFC 4826 section 3.2)', () => {
    const body = lists('<list name="a"><display-name>A</display-name><entry uri="sip:a@b"><x xmlns="urn:x"/></entry></list>');
    expect(answer(RESOURCE_LISTS, body)).toMatchObject({ status: 201, document: body, headers: { ETag: entityTag(body) } });
  });

  it('preferences come back as they were written, and nothing else is taken for one', () => {
    const wanted = {
      ...DEFAULT_NETWORK_PREFERENCES,
      available: 'defer' as const,
      recording: true,
      unwantedWords: ['a & <b>'],
      unwantedTypes: ['video/*'],
    };
    const written = encodePreferences(preferenceElements(wanted));
    expect(answer(PREFERENCES, written)).toMatchObject({ status: 201 });
    expect({ ...DEFAULT_NETWORK_PREFERENCES, ...preferencesFrom(decodePreferences(written)) }).toEqual(wanted);
    for (const inner of [
      '<available>maybe</available>',
      '<available>accept</available><available>defer</available>',
      '<recording>yes</recording>',
      '<colour>red</colour>',
      '<unwanted-type>video</unwanted-type>',
      '<unwanted-word> </unwanted-word>',
      '<unwantedWords>x</unwantedWords>',
      '<delivery><push/></delivery>',
    ]) {
      const body = `<preferences xmlns="urn:parley:params:xml:ns:preferences">${inner}</preferences>`;
      expect([inner, answer(PREFERENCES, body).status]).toEqual([inner, 409]);
    }
    expect(answer(PREFERENCES, `<preferences xmlns="${PREFERENCES_AUID}"/>`).status).toBe(409);
    expect(PREFERENCES.mediaType).toBe(PREFERENCES_TYPE);
  });
});

describe('R-PF-57: who is blocked', () => {
  const read =
    (index: string, others: Readonly<Record<string, string>> = {}) =>
    (name: string): string | null =>
      name === 'index' ? index : (others[name] ?? null);
  const lists = (inner: string): string => `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">${inner}</resource-lists>`;
  const blocked = (index: string, others: Readonly<Record<string, string>> = {}): string[] =>
    [...blockedUris(read(index, others), (xui) => xui === 'sip:bob@h', '/xcap-root')].sort();
  const external = (name: string, user = 'sip:bob@h', document = 'index'): string =>
    `<external anchor="http://127.0.0.1:1/xcap-root/resource-lists/users/${user}/${document}/~~/resource-lists/list%5B@name=%22${name}%22%5D"/>`;

  it('entries, lists inside of it and those it points to, but nobody of another list', () => {
    const index = lists(
      `<list name="oma_blockedcontacts"><entry uri="sip:a@x"/><list><entry uri="sip:b@x"/></list>${external('rcs_blockedcontacts')}${external('more', 'sip:bob@h', 'other')}<entry-ref ref="resource-lists/users/sip:bob@h/index/~~/resource-lists/list%5B@name=%22friends%22%5D/entry%5B1%5D"/></list><list name="rcs_blockedcontacts"><entry uri="tel:+491"/></list><list name="friends"><entry uri="sip:f1@x"/><entry uri="sip:f2@x"/></list>`,
    );
    expect(blocked(index, { other: lists('<list name="more"><entry uri="sip:c@x"/></list>') })).toEqual([
      'sip:a@x',
      'sip:b@x',
      'sip:c@x',
      'sip:f1@x',
      'tel:+491',
    ]);
  });

  it('a circle ends, a long chain is cut, and what is elsewhere or not there is passed over', () => {
    const circle = lists(
      `<list name="oma_blockedcontacts"><entry uri="sip:a@x"/>${external('l')}</list><list name="l">${external('oma_blockedcontacts')}${external('l')}</list>`,
    );
    expect(blocked(circle)).toEqual(['sip:a@x']);
    const chain = Array.from({ length: 9 }, (_, at) => `<list name="l${at}"><entry uri="sip:${at}@x"/>${external(`l${at + 1}`)}</list>`);
    expect(blocked(lists(`<list name="oma_blockedcontacts">${external('l0')}</list>${chain.join('')}`))).toHaveLength(5);
    const astray = lists(
      `<list name="oma_blockedcontacts"><external anchor="http://elsewhere/list"/>${external('none')}${external('l', 'sip:eve@h')}</list><list name="l"><entry uri="sip:e@x"/></list>`,
    );
    expect(blocked(astray)).toEqual([]);
  });
});

describe('policy on the command line', () => {
  it('is one JSON object, and what is wrong with it is said in one line', async () => {
    const file = join(await folder(), 'policy.json');
    const read = async (text: string) => {
      await writeFile(file, text);
      return readArguments(['--policy', file]).policy;
    };
    expect(await read('{"force": {"delivery": "pull"}, "blockedServices": ["file"], "maxExpiry": 60}')).toEqual({
      force: { delivery: 'pull' },
      blockedServices: ['file'],
      maxExpiry: 60,
    });
    await expect(read('{"force": {"delivery": "later"}}')).rejects.toThrow('force.delivery has a value that is none');
    await expect(read('{"colour": 1}')).rejects.toThrow('--policy: colour is not known');
    await expect(read('{')).rejects.toThrow('--policy: ');
    expect(() => readArguments(['--policy', join(file, 'none')])).toThrow('--policy: ');
  });
});
