import { utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { decodeMimeHeaders, type HeaderLimits, mimeHeader } from '../mime/headers.ts';
import { cut, LONGEST_SUBJECT } from './entry.ts';

export const MESSAGE_SUMMARY_TYPE = 'application/simple-message-summary';

const LIMITS: HeaderLimits = { maxHeaders: 64, maxHeaderOctets: 16_384, malformed: 'cpim.malformed', tooLarge: 'cpim.too-large' };
/** the context classes of RFC 3458 section 4.2, as RFC 3842 section 5.2 has them in lines of their own */
const CLASSES = /^(?:voice|video|fax|pager|multimedia|text|none)-message$|^none$/i;

/** That something waits, and no more (RFC 3842): there is nothing in it to ask for one by one. */
export interface MessageSummary {
  readonly waiting: boolean;
  /** new messages of all classes; null where none is counted */
  readonly count: number | null;
  /** Subject of the first message that is described */
  readonly hint: string | null;
}

/** @throws ParleyError `cpim.malformed`, `cpim.too-large` */
export function decodeMessageSummary(octets: Uint8Array): MessageSummary {
  const { headers, bodyAt } = decodeMimeHeaders(octets, 0, LIMITS);
  const status = mimeHeader(headers, 'Messages-Waiting')?.trim().toLowerCase();
  if (status !== 'yes' && status !== 'no') throw new ParleyError('cpim.malformed', 'no Messages-Waiting');
  const counts = headers.filter(({ name }) => CLASSES.test(name)).flatMap(({ value }) => /^(\d{1,10})\s*\//.exec(value)?.[1] ?? []);
  const count = counts.length === 0 ? null : counts.reduce((sum, each) => sum + Number(each), 0);
  return { waiting: status === 'yes', count, hint: subjectIn(octets.subarray(bodyAt)) };
}

/** Everything that waits as text messages, since RFC 3842 knows no other class for them. @param account the address they are kept for */
export function encodeMessageSummary(count: number, account: string): Uint8Array {
  const lines = [`Messages-Waiting: ${count > 0 ? 'yes' : 'no'}`, `Message-Account: ${account}`, `Text-Message: ${count}/0`, ''];
  return utf8(lines.join('\r\n'));
}

/** What is said of single messages is a help where it can be read. */
function subjectIn(octets: Uint8Array): string | null {
  if (octets.length === 0) return null;
  try {
    return cut(mimeHeader(decodeMimeHeaders(octets, 0, LIMITS).headers, 'Subject') ?? '', LONGEST_SUBJECT) || null;
  } catch (thrown) {
    if (thrown instanceof ParleyError) return null;
    throw thrown;
  }
}
