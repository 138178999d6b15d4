import { fromUtf8 } from '../../base/bytes.ts';
import { type CpimMessage, contentHeader, decodeCpim } from './cpim.ts';
import { cpimAddress, cpimDateTime, imdnRequest } from './cpim-message.ts';

/** As Kamailio's msilo writes it before a text, unless told not to (`add_date`): `[Offline message - Fri Nov 20 10:39:56 2026] `. */
const STAMP = /^\[Offline message - [A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-3]\d \d\d:\d\d:\d\d \d{4}\] /;
const STAMP_LENGTH = 45;

/**
 * What `text/plain` may really be. A store for messages to who is away gives back message/cpim under that name (Kamailio 5.6), with a stamp of its own
 * before it. Only what has all the parts of a CPM message counts as one: somebody may write of CPIM in a text.
 * @returns `cpim`: null when it is a text; `text`: without the stamp
 */
export function decodeStored(octets: Uint8Array): { readonly cpim: CpimMessage | null; readonly text: Uint8Array } {
  const stamp = STAMP.exec(fromUtf8(octets.subarray(0, STAMP_LENGTH)))?.[0] ?? '';
  const text = octets.subarray(stamp.length);
  return { cpim: tryCpim(text), text };
}

function tryCpim(octets: Uint8Array): CpimMessage | null {
  if (!/^(?:From|To|NS|DateTime): /.test(fromUtf8(octets.subarray(0, 16)))) return null;
  try {
    const cpim = decodeCpim(octets);
    const isAddressed = cpimAddress(cpim, 'From') !== null && cpimAddress(cpim, 'To') !== null;
    const isNamed = imdnRequest(cpim).messageId !== null || cpimDateTime(cpim).time !== null;
    return isAddressed && isNamed && contentHeader(cpim, 'Content-Type') !== null ? cpim : null;
  } catch {
    return null;
  }
}
