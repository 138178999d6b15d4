import { utf8 } from '../../../../shared/base/bytes.ts';
import type { SearchKey } from '../../../../shared/protocol/imap/search-keys.ts';
import { decodeSequenceSet, isInSet, type SequenceRange } from '../../../../shared/protocol/imap/sequence-set.ts';
import { decodeWords } from '../../../../shared/protocol/mime/encoded-word.ts';
import { decodeMimeHeaders, type MimeHeader } from '../../../../shared/protocol/mime/headers.ts';
import { parseMailDate } from '../../../../shared/protocol/mime/mail-headers.ts';
import type { WriteHandle } from '../../../sqlite/handles.ts';
import type { MailCalls } from './calls.ts';

const DAY = 86_400_000;
const BLOCK = { maxHeaders: 1000, maxHeaderOctets: 1_000_000, malformed: 'imap.malformed', tooLarge: 'imap.too-large' } as const;

interface Candidate {
  readonly uid: number;
  /** from 1 */
  readonly sequence: number;
  /** lower case */
  readonly flags: readonly string[];
  readonly modseq: number;
  readonly received: number;
  readonly octets: number;
  readonly texts: () => Texts;
}

interface Texts {
  readonly header: string;
  readonly fields: readonly MimeHeader[];
  readonly words: string;
}

/** The octets of headers and texts are read of those messages alone that everything before them leaves in question. */
export function searchCall(handle: WriteHandle): Pick<MailCalls, 'search'> {
  const rows = handle.many<{ uid: number; bodyId: number; flags: string; modseq: number; received: number; octets: number }>(
    'SELECT uid, body_id AS bodyId, flags, modseq, received, octets FROM messages JOIN bodies ON bodies.id = body_id WHERE mailbox_id = :mailboxId ORDER BY uid',
  );
  const texts = handle.one<{ header: string; words: string }>('SELECT header, words FROM bodies WHERE id = :bodyId');
  return {
    search(mailboxId, key) {
      const all = rows({ mailboxId });
      const fits = condition(key, all.length, all.at(-1)?.uid ?? 0);
      return all
        .map((row, at): Candidate => {
          let read: Texts | null = null;
          return {
            ...row,
            sequence: at + 1,
            flags: row.flags.toLowerCase().split(' '),
            texts: () => {
              read ??= textsOf(texts({ bodyId: row.bodyId }) ?? { header: '', words: '' });
              return read;
            },
          };
        })
        .filter(fits)
        .map(({ uid }) => uid);
    },
  };
}

function textsOf({ header, words }: { readonly header: string; readonly words: string }): Texts {
  const { headers } = decodeMimeHeaders(utf8(header), 0, BLOCK);
  const fields = headers.map(({ name, value }) => ({ name: name.toLowerCase(), value: decodeWords(value) }));
  return { header: fields.map(({ name, value }) => `${name}: ${value}`.toLowerCase()).join('\n'), fields, words };
}

type Condition = (message: Candidate) => boolean;

function condition(key: SearchKey, messages: number, lastUid: number): Condition {
  const inner = (each: SearchKey): Condition => condition(each, messages, lastUid);
  switch (key.kind) {
    case 'all':
      return () => true;
    case 'and': {
      const conditions = key.keys.map(inner);
      return (message) => conditions.every((fits) => fits(message));
    }
    case 'or': {
      const conditions = key.keys.map(inner);
      return (message) => conditions.some((fits) => fits(message));
    }
    case 'not': {
      const fits = inner(key.key);
      return (message) => !fits(message);
    }
    case 'flag':
      return ({ flags }) => flags.includes(key.flag) === key.isSet;
    case 'numbers':
      return inSet(decodeSequenceSet(key.set, messages), ({ sequence }) => sequence);
    case 'uids':
      return inSet(decodeSequenceSet(key.set, lastUid), ({ uid }) => uid);
    case 'larger':
      return ({ octets }) => octets > key.octets;
    case 'smaller':
      return ({ octets }) => octets < key.octets;
    case 'modseq':
      return ({ modseq }) => modseq >= key.atLeast;
    case 'received':
      return ({ received }) => onDay(received, key);
    case 'sent':
      return ({ texts }) => {
        const date = parseMailDate(texts().fields.find(({ name }) => name === 'date')?.value ?? '');
        return date !== null && onDay(date, key);
      };
    default:
      return textCondition(key.name, key.text);
  }
}

function textCondition(name: string, text: string): Condition {
  if (name === ' ') return ({ texts }) => texts().words.includes(text);
  if (name === '') return ({ texts }) => texts().header.includes(text) || texts().words.includes(text);
  return ({ texts }) => texts().fields.some((field) => field.name === name && field.value.toLowerCase().includes(text));
}

function inSet(ranges: readonly SequenceRange[], numberOf: (message: Candidate) => number): Condition {
  return (message) => isInSet(ranges, numberOf(message));
}

function onDay(time: number, { when, day }: { readonly when: 'before' | 'on' | 'since'; readonly day: number }): boolean {
  if (when === 'before') return time < day;
  return time >= day && (when === 'since' || time < day + DAY);
}
