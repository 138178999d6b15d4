import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/base/bytes.ts';
import { cleanFileName, numberedFileName, splitExtension } from '../../../shared/model/file-name.ts';

describe('a received file name', () => {
  it.each([
    ['report.pdf', 'report.pdf'],
    ['Grüße an Bob 👩‍👩‍👧.txt', 'Grüße an Bob 👩‍👩‍👧.txt'],
    ['../../x', 'x'],
    ['..\\..\\x.txt', 'x.txt'],
    ['/etc/passwd', 'passwd'],
    ['C:\\Windows\\system.ini', 'system.ini'],
    ['a/b\\c/', 'file'],
    ['CON.txt', 'CON_.txt'],
    ['con', 'con_'],
    ['COM1.tar.gz', 'COM1_.tar.gz'],
    ['.CON', 'CON_'],
    ['NUL .txt', 'NUL_.txt'],
    ['a\u202Egpj.exe', 'a_gpj.exe'],
    ['a\u2066b\u200E.txt', 'a_b_.txt'],
    ['a\u0000b\u001f\u007f.txt', 'a_b__.txt'],
    ['a.txt:evil.exe', 'a.txt_evil.exe'],
    ['a.txt::$DATA', 'a.txt_$DATA'],
    ['name. . .', 'name'],
    ['  spaced.txt  ', 'spaced.txt'],
    ['.bashrc', 'bashrc'],
    ['...hidden.txt', 'hidden.txt'],
    ['', 'file'],
    ['.', 'file'],
    ['..', 'file'],
    ['. . .', 'file'],
    ['???', 'file'],
    ['a*b?c"d<e>f|g', 'a_b_c_d_e_f_g'],
    ['lone\ud800.txt', 'lone_.txt'],
    ['e\u0301.txt', 'é.txt'],
  ])('%j is saved as %j', (received, saved) => {
    expect(cleanFileName(received)).toBe(saved);
  });

  it('300 characters of emoji keep whole graphemes and the extension', () => {
    const family = '👩‍👩‍👧‍👦';
    const name = cleanFileName(`${family.repeat(300)}.jpeg`);
    expect(name.endsWith('.jpeg')).toBe(true);
    expect(utf8(name).length).toBeLessThanOrEqual(247);
    expect(name).toBe(`${family.repeat(Math.floor((247 - 5) / utf8(family).length))}.jpeg`);
  });

  it('a long extension is cut like any other text', () => {
    const name = cleanFileName(`a.${'x'.repeat(400)}`);
    expect(utf8(name).length).toBe(247);
    expect(name.startsWith('a.x')).toBe(true);
  });

  it('one grapheme longer than all room leaves a plain name', () => {
    expect(cleanFileName(`e${'\u0301'.repeat(500)}.txt`)).toBe('file.txt');
  });

  it('is a plain name when the only letter is one that did not fit', () => {
    expect(cleanFileName(`${'\ufffd'.repeat(247)}N`)).toBe('file');
  });

  it('has room for the character that a device name becomes longer by', () => {
    const name = cleanFileName(`NUL.${'.NUL'.repeat(61)}`);
    expect(name.startsWith('NUL_.')).toBe(true);
    expect(utf8(name).length).toBeLessThanOrEqual(247);
    expect(cleanFileName(name)).toBe(name);
  });

  it('a name of a million characters is dealt with', () => {
    const name = cleanFileName(`${'ä'.repeat(1_000_000)}.zip`);
    expect(name.endsWith('ä.zip')).toBe(true);
    expect(utf8(name).length).toBeLessThanOrEqual(247);
  });
});

describe('a name that is in use', () => {
  it('gets a number before its extension', () => {
    expect(numberedFileName('c.txt', 1)).toBe('c.txt');
    expect(numberedFileName('a.txt', 3)).toBe('a (3).txt');
    expect(numberedFileName('b', 2)).toBe('b (2)');
    expect(numberedFileName('.x', 2)).toBe('.x (2)');
    expect(numberedFileName('a.tar.gz', 2)).toBe('a.tar (2).gz');
  });

  it('splits off an extension that is one', () => {
    expect(splitExtension('a.b')).toEqual(['a', '.b']);
    expect(splitExtension('a.')).toEqual(['a.', '']);
    expect(splitExtension('.a')).toEqual(['.a', '']);
  });
});
