import { expect, it } from 'vitest';
import { runs } from '../../../electron/shell/programs.ts';

it.each([
  'setup.exe',
  'SETUP.EXE',
  'invoice.pdf.exe',
  'invoice.pdf.lnk',
  'photo.jpg.scr. .',
  'C:\\Downloads\\a.txt:b.exe\\setup.bat',
  'setup.exe::$DATA',
  '/home/alice/a:b.desktop',
  'report.docm',
  'page.html',
  'drawing.svg',
  'share.library-ms',
  'find.search-ms',
  'place.inetloc',
  'profile.mobileconfig',
  '/home/alice/Downloads/run.desktop',
  'Game.apk',
  'notes.one',
  'backup.service',
  'Tool.app',
  'page.webarchive',
  'disk.sparsebundle',
])('%s is asked about before it is opened', (path) => {
  expect(runs(path)).toBe(true);
});

it.each(['plan.txt', 'report.pdf', 'photo.jpg', 'exe', '.exe', 'notes.exe.txt', '/a.exe/plan.docx', 'music.mp3', 'archive.zip'])(
  '%s is opened at once',
  (path) => {
    expect(runs(path)).toBe(false);
  },
);
