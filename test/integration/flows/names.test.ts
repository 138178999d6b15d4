import { mkdirSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { F11_CONTENT, F11Sender } from '../../harness/flow/f11-sender.ts';
import { Flow } from '../../harness/flow/flow-person.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const DEVICES = ['CON', 'PRN', 'AUX', 'NUL', 'CONIN$', 'CONOUT$', 'COM1', 'COM5', 'COM9', 'LPT1', 'LPT9', 'com²', 'lpt³'];
const BIDI = [0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069];
const UNSEEN = [0x00ad, 0x034f, 0x115f, 0x180e, 0x200b, 0x200c, 0x200d, 0x2060, 0x2061, 0x3164, 0xfeff, 0xe0041];
const code = (point: number) => String.fromCodePoint(point);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** Names as somebody would send them who wants a file elsewhere than in the folder, over another one, or taken for something else. */
const ATTACKS: Record<string, readonly string[]> = {
  'ways out of the folder': [
    ...[
      '../out.jpg',
      '../../../../../../etc/passwd',
      '..\\..\\out.jpg',
      '/etc/passwd',
      '//etc/passwd',
      'C:\\Windows\\out.jpg',
      'C:out.jpg',
    ],
    ...[
      '\\\\host\\share\\out.jpg',
      '....//out.jpg',
      '..%2f..%2fout.jpg',
      '%2e%2e%2fout.jpg',
      '..%5cout.jpg',
      '~/.ssh/authorized_keys',
      '~',
      '~root',
    ],
    ...[
      'a/../../out.jpg',
      './../out.jpg',
      'x/..',
      'x/.',
      'x/',
      'x\\',
      '/',
      '\\',
      '.',
      '..',
      '...',
      '. .',
      '.. ',
      '..\\',
      '../',
      'file:///etc/passwd',
    ],
    ...[
      '\u2025/out.jpg',
      '..\u2215out.jpg',
      '..\uff0fout.jpg',
      '..\u2044out.jpg',
      '..\uff3cout.jpg',
      '\uff0e\uff0e/out.jpg',
      '$HOME/out.jpg',
      '%HOME%\\out.jpg',
    ],
  ],
  devices: DEVICES.flatMap((name) => [name, `${name}.jpg`, name.toLowerCase(), `${name}.`, `${name} .jpg`, `x/${name}`]),
  'directions of writing': BIDI.flatMap((point) => [`photo${code(point)}gpj.exe`, `${code(point)}photo.jpg`]),
  'what is not seen': UNSEEN.map((point) => `pho${code(point)}to.jpg${code(point)}`),
  'control characters': [...range(0, 31), 127, 0x80, 0x85, 0x9f, 0x2028, 0x2029].map((point) => `a${code(point)}b.jpg`),
  'what file systems refuse or read otherwise': [
    ...[
      'a<b.jpg',
      'a>b.jpg',
      'a:b.jpg',
      'a"b.jpg',
      'a|b.jpg',
      'a?b.jpg',
      'a*b.jpg',
      'a.jpg:evil.exe',
      'a.jpg::$DATA',
      'a.jpg:evil.exe:$DATA',
    ],
    ...[
      'a.jpg.',
      'a.jpg...',
      'a.jpg ',
      'a.jpg. .',
      ' a.jpg',
      '.a.jpg',
      '..a.jpg',
      '.htaccess',
      '.bashrc',
      '.DS_Store',
      'desktop.ini',
      'autorun.inf',
    ],
    ...[
      '-rf',
      '--help',
      '$(touch x).jpg',
      '`touch x`.jpg',
      ';touch x',
      '&touch x',
      'a\u00a0.jpg',
      'a.jpg\u3000',
      '',
      ' ',
      '_',
      '"',
      "'",
      '%',
      '%00',
      'a%00.jpg',
    ],
  ],
  'other kinds of file in disguise': [
    ...[
      'photo.jpg.exe',
      'photo.exe.jpg',
      `photo.jpg${' '.repeat(180)}.exe`,
      `photo.jpg${'\u3000'.repeat(40)}.exe`,
      'photo\uff0eexe',
      'photo\u2024exe',
    ],
    ...[
      'photo.\u0435\u0445\u0435',
      'photo.j\u0440g',
      'photo.lnk',
      'photo.desktop',
      'photo.url',
      'photo.scf',
      'photo.SCR',
      'photo.jpg\u202eexe.',
    ],
  ],
  'too long': [
    ...[`${'a'.repeat(255)}.jpg`, 'a'.repeat(4000), `${'é'.repeat(200)}.jpg`, `${'😀'.repeat(120)}.jpg`, `a${'\u0301'.repeat(400)}.jpg`],
    ...[`a.${'x'.repeat(300)}`, '.'.repeat(300), `${'a'.repeat(246)}.jpg`, `${'../'.repeat(300)}out.jpg`, `${'👩‍👩‍👧‍👦'.repeat(30)}.jpg`],
  ],
  'names that are taken': [
    'taken.jpg',
    'taken.jpg',
    'TAKEN.JPG',
    'taken (2).jpg',
    'taken.jpg ',
    'é.jpg',
    'e\u0301.jpg',
    'ﬁle.jpg',
    'file.jpg',
  ],
};

const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])(?:\.|$)/i;

const flow = new Flow(temporaryFolder());
let alice: F11Sender;
let before: string[];
beforeAll(async () => {
  const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_030 });
  alice = new F11Sender(peer, person);
  await alice.isKnown();
  mkdirSync(person.downloads, { recursive: true });
  await writeFile(join(person.downloads, 'taken.jpg'), 'was here before');
  before = await outside();
});
afterAll(() => flow.end());

/** what lies beside the folder that files go into */
async function outside(): Promise<string[]> {
  const around = await readdir(flow.folder);
  const own = (await readdir(alice.person.data)).filter((name) => !/^(?:parley\.db|partial)/.test(name));
  return [...around, ...own, ...(await readdir(dirname(flow.folder))).filter((name) => /^(?:out|passwd)/.test(name))];
}

describe('names of files that arrive', () => {
  test('there are 200 and more', () => {
    expect(Object.values(ATTACKS).flat().length).toBeGreaterThanOrEqual(200);
  });

  test.each(Object.entries(ATTACKS))('%s: saved in the folder, over nothing, under a name that is what it looks like', async (_, names) => {
    for (const name of names) {
      const offer = await alice.offers({ name });
      const shown = offer.transfer?.name ?? '';
      const line = await alice.accepted(offer);
      line.write(alice.chunk('1-5000/5000', F11_CONTENT, '$'));
      const done = await alice.person.seesMessage(({ id, transfer }) => id === offer.id && transfer?.state === 'done');
      const saved = done.transfer?.savedAs ?? '';
      alice.leaves();
      line.destroy();
      for (const given of [shown, saved]) {
        expect(given, JSON.stringify(name)).toMatch(/^[^\\/:*?"<>|]+$/u);
        expect(given, JSON.stringify(name)).not.toMatch(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|^[. ]|[. ]$/u);
        expect(given, JSON.stringify(name)).not.toMatch(RESERVED);
        expect(Buffer.byteLength(given)).toBeLessThanOrEqual(255);
      }
      expect((await readFile(join(alice.person.downloads, saved))).equals(F11_CONTENT), JSON.stringify(name)).toBe(true);
    }
  });

  test('as many files as were sent, the one that was there as it was, nothing beside the folder', async () => {
    const saved = await readdir(alice.person.downloads);
    expect(saved.length).toBe(Object.values(ATTACKS).flat().length + 1);
    for (const name of saved) {
      const octets = await readFile(join(alice.person.downloads, name));
      expect(name === 'taken.jpg' ? octets.toString() === 'was here before' : octets.equals(F11_CONTENT), name).toBe(true);
    }
    expect(await outside()).toEqual(before);
  });
});
