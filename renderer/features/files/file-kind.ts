import { words } from '../words.ts';

type Kind = keyof typeof words.file.kinds;

const KINDS: Readonly<Record<Kind, readonly string[]>> = {
  archive: ['7z', 'bz2', 'gz', 'rar', 'tar', 'tgz', 'xz', 'zip', 'zst'],
  audio: ['aac', 'flac', 'm4a', 'mp3', 'oga', 'ogg', 'opus', 'wav', 'wma'],
  book: ['epub', 'mobi'],
  calendar: ['ics'],
  contact: ['vcf'],
  document: ['doc', 'docx', 'odt', 'pages', 'rtf'],
  image: ['apng', 'avif', 'bmp', 'gif', 'heic', 'heif', 'jpeg', 'jpg', 'png', 'svg', 'tif', 'tiff', 'webp'],
  page: ['htm', 'html', 'mhtml', 'xhtml'],
  pdf: ['pdf'],
  presentation: ['key', 'odp', 'ppt', 'pptx'],
  program: [
    'apk',
    'app',
    'appimage',
    'bat',
    'cmd',
    'com',
    'deb',
    'dmg',
    'exe',
    'jar',
    'msi',
    'pkg',
    'ps1',
    'rpm',
    'run',
    'scr',
    'sh',
    'vbs',
  ],
  spreadsheet: ['csv', 'numbers', 'ods', 'xls', 'xlsx'],
  text: ['log', 'md', 'txt'],
  video: ['avi', 'm4v', 'mkv', 'mov', 'mp4', 'mpeg', 'mpg', 'ogv', 'webm', 'wmv'],
};
const BY_EXTENSION: ReadonlyMap<string, Kind> = new Map(
  (Object.keys(KINDS) as Kind[]).flatMap((kind) => KINDS[kind].map((extension) => [extension, kind] as const)),
);
/** of the media types that are told without an extension, the part before the slash */
const BY_TYPE: ReadonlyMap<string, Kind> = new Map([
  ['audio', 'audio'],
  ['image', 'image'],
  ['text', 'text'],
  ['video', 'video'],
]);
/** extensions that tell a person no more than their kind does, as they are its only one or as good as it */
const PLAIN: ReadonlySet<Kind> = new Set(['calendar', 'contact', 'page', 'pdf', 'text']);

/**
 * `PDF document`, `Image (PNG)`, `Program (EXE)`, `BIN file`: what a file is in plain words. The extension comes before the media type because
 * it decides what opens the file; a sender may call a program a picture.
 * @param type media type as announced
 * @returns an empty text where neither tells
 */
export function fileKind({ name, type }: { readonly name: string; readonly type: string }): string {
  const text = words.file;
  const extension = /[^.]\.([a-z0-9]{1,8})$/i.exec(name)?.[1]?.toLowerCase();
  if (extension !== undefined) {
    const kind = BY_EXTENSION.get(extension);
    if (kind === undefined) return text.kindOther(extension.toUpperCase());
    return PLAIN.has(kind) ? text.kinds[kind] : text.kindOf(text.kinds[kind], extension.toUpperCase());
  }
  if (type === 'application/pdf') return text.kinds.pdf;
  const kind = BY_TYPE.get(type.split('/', 1)[0] ?? '');
  return kind === undefined ? '' : text.kinds[kind];
}
