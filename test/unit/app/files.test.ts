import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileCandidates } from '../../../electron/app/file-candidates.ts';
import { removeUnused, saveIncoming } from '../../../electron/app/incoming-file.ts';
import { mediaTypeOf } from '../../../electron/app/media-types.ts';
import { MAX_PREVIEW, previewOf, sniffPicture } from '../../../electron/app/preview.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const folder = temporaryFolder();
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const PNG = Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de', 'hex');

describe('a picked file', () => {
  it('R-FT-07: has a name, a size and a type before anything is sent, and a token in place of its path', async () => {
    const candidates = new FileCandidates(0);
    const path = file('Plan é.PDF', '12345');
    const candidate = await candidates.offer(path);
    expect(candidate).toEqual({ token: expect.stringMatching(/^[\w-]{24}$/), name: 'Plan é.PDF', size: 5, type: 'application/pdf' });
    expect(candidates.take(candidate.token)).toMatchObject({ path, modifiedAt: Math.floor(statSync(path).mtimeMs) });
    expect(candidates.take(candidate.token).path).toBe(path);
  });

  it('R-FT-10: is refused when it exceeds the Max File Transfer Size, and taken at it', async () => {
    const candidates = new FileCandidates(5);
    await expect(candidates.offer(file('six', '123456'))).rejects.toMatchObject({
      code: 'file.too-large',
      detail: 'six: 6 octets, the limit is 5',
    });
    expect((await candidates.offer(file('five', '12345'))).size).toBe(5);
  });

  it('does not spoil the others of a choice when it cannot be sent', async () => {
    const items = await new FileCandidates(5).offerAll([file('small', '1'), file('large', '123456'), join(folder, 'gone')]);
    expect(items.map(({ name, candidate, error }) => [name, candidate?.size, error?.code])).toEqual([
      ['small', 1, undefined],
      ['large', undefined, 'file.too-large'],
      ['gone', undefined, 'file.missing'],
    ]);
  });

  it('is refused with a code when it is missing, a folder, or not a file', async () => {
    const candidates = new FileCandidates(0);
    mkdirSync(join(folder, 'sub'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await expect(candidates.offer(join(folder, 'none'))).rejects.toMatchObject({ code: 'file.missing' });
    await expect(candidates.offer(join(folder, 'five', 'under'))).rejects.toMatchObject({ code: 'file.missing' });
    await expect(candidates.offer(join(folder, 'sub'))).rejects.toMatchObject({ code: 'file.is-folder' });
    await expect(candidates.offer(join(folder, 'pipe'))).rejects.toMatchObject({ code: 'file.unreadable' });
  });

  it('is not known by any other token, and the oldest is forgotten first', async () => {
    const candidates = new FileCandidates(0, 2);
    const path = file('a', '1');
    const [first, second, third] = [await candidates.offer(path), await candidates.offer(path), await candidates.offer(path)];
    for (const token of ['', 'constructor', first.token]) {
      expect(() => candidates.take(token)).toThrow(expect.objectContaining({ code: 'request.not-found' }));
    }
    expect(candidates.take(second.token).path).toBe(path);
    expect(candidates.take(third.token).path).toBe(path);
  });

  it('is announced as octets where its extension says nothing', () => {
    expect(['x.JPG', 'x.tar.gz', 'x', '.png', 'x.constructor', 'x.__proto__'].map(mediaTypeOf)).toEqual([
      'image/jpeg',
      'application/gzip',
      ...Array(4).fill('application/octet-stream'),
    ]);
  });
});

describe('a preview', () => {
  it.each([
    ['png', PNG, 'image/png'],
    ['jpeg', Buffer.from('ffd8ffe000104a464946000101', 'hex'), 'image/jpeg'],
    ['gif', Buffer.from('GIF89a\x01\0\x01\0', 'latin1'), 'image/gif'],
    ['webp', Buffer.from('RIFF\x20\0\0\0WEBPVP8 ', 'latin1'), 'image/webp'],
    ['avif', Buffer.from('\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf', 'latin1'), 'image/avif'],
    ['bmp', Buffer.from('BM\x46\0\0\0\0\0\0\0\x36\0\0\0', 'latin1'), 'image/bmp'],
  ])('is known by its first octets: %s', async (_name, octets, type) => {
    expect(await sniffPicture(octets)).toBe(type);
  });

  it('is not known by its name', async () => {
    const path = file('picture.txt', PNG);
    expect(await previewOf(path)).toEqual({ path, type: 'image/png' });
  });

  it.each([
    ['a drawing with script', '<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'],
    ['a page', '<!doctype html><script>1</script>'],
    ['a PDF', '%PDF-1.7\n'],
    ['a TIFF', Buffer.from('49492a0008000000', 'hex')],
    ['nothing', ''],
    ['noise', Buffer.from('00ff00ff', 'hex')],
  ])('is none of %s, even when it is called .png', async (_name, octets) => {
    expect(await previewOf(file('lie.png', octets))).toBeNull();
  });

  it('is none of a missing file, a folder, or one that is too large to show', async () => {
    const path = file('large.png', PNG);
    truncateSync(path, MAX_PREVIEW);
    expect(await previewOf(path)).not.toBeNull();
    truncateSync(path, MAX_PREVIEW + 1);
    expect(await previewOf(path)).toBeNull();
    expect(await previewOf(join(folder, 'gone.png'))).toBeNull();
    expect(await previewOf(folder)).toBeNull();
  });
});

describe('a file without a path of its own', () => {
  const parts = async function* (...texts: string[]) {
    for (const text of texts) yield Buffer.from(text);
  };
  const incoming = join(folder, 'incoming');

  it('is written whole, under a clean name, alone in its folder', async () => {
    const path = await saveIncoming(incoming, '../../x', 10, parts('ab', 'cd'));
    expect(readFileSync(path, 'utf8')).toBe('abcd');
    expect(basename(path)).toBe('x');
    expect(dirname(dirname(path))).toBe(incoming);
    expect(await saveIncoming(incoming, '../../x', 10, parts('ef'))).not.toBe(path);
  });

  it('is taken at the limit and refused over it, with nothing left behind', async () => {
    const before = readdirSync(incoming);
    await expect(saveIncoming(incoming, 'y', 3, parts('ab', 'cd'))).rejects.toMatchObject({ code: 'file.too-large' });
    await expect(saveIncoming(join(file('plain', ''), 'sub'), 'y', 3, parts('a'))).rejects.toMatchObject({ code: 'file.unwritable' });
    const broken = async function* () {
      yield Buffer.from('a');
      throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    };
    await expect(saveIncoming(incoming, 'y', 3, broken())).rejects.toMatchObject({ code: 'file.cancelled' });
    expect(readdirSync(incoming)).toEqual(before);
    expect(statSync(await saveIncoming(incoming, 'y', 4, parts('ab', 'cd'))).size).toBe(4);
  });

  it('is removed when it is a day old and nothing uses it; nothing else in the folder is touched', async () => {
    const uploads = join(folder, 'uploads');
    const now = Date.now();
    const save = (name: string) => saveIncoming(uploads, name, 10, parts(name));
    const [unused, used, young] = [await save('unused'), await save('used'), await save('young')];
    mkdirSync(join(uploads, 'a folder of somebody'));
    writeFileSync(join(uploads, 'abcdefghijklmnop'), 'a file and no folder');
    const before = readdirSync(uploads).length;
    const dayOld = new Date(now - 24 * 3_600_000);
    for (const name of readdirSync(uploads)) if (name !== basename(dirname(young))) utimesSync(join(uploads, name), dayOld, dayOld);
    const fail = () => Promise.reject(new Error('store.closed'));
    await expect(removeUnused(uploads, fail, now)).rejects.toThrow('store.closed');
    expect(readdirSync(uploads)).toHaveLength(before);
    // the data folder was somewhere else when it was sent
    await removeUnused(uploads, async () => [used.replace(folder, '/home/alice')], now);
    expect(readdirSync(uploads)).toHaveLength(before - 1);
    expect([unused, used, young].map((path) => existsSync(path))).toEqual([false, true, true]);
    await removeUnused(uploads, fail, now - 3_600_000);
    await removeUnused(join(folder, 'no such folder'), fail, now);
  });
});
