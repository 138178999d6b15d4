import { type CodedError, type ErrorCode, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { isScreened, messageRejection } from '../../../shared/protocol/cpm/rejection.ts';
import { readWarnings } from '../../../shared/protocol/cpm/warning.ts';
import type { FinalAnswer } from '../../sip/port.ts';
import type { StoredGroup } from '../../store/port.ts';
import { InviteRefused } from '../chat/start-chat.ts';
import { type Attempt, attemptFromError } from '../outbox.ts';
import { attemptFromSession } from '../session-outcome.ts';

/** Whom an INVITE asked: the function that makes groups, a group by what it is known by, or one by where it is reached now. */
export type Asked = 'factory' | 'address' | 'identity';

/**
 * What a refusal means for the group.
 * - `gone`: not there any more; who knows its people may make it again with the same ids (cpm.md section 8.5)
 * - `out`: this person does not belong to it
 * - `over`: it is not to be made again
 * - `refused`: no, and another try will not change it
 * - `later`: a device, a server or the way there has trouble
 */
export type Meaning = 'gone' | 'out' | 'over' | 'refused' | 'later';

export interface GroupRefusal {
  readonly meaning: Meaning;
  readonly error: CodedError;
}

const GONE = [404, 410, 481, 604];
/** a server that makes no groups, or not of lists (cpm.md section 15.2) */
const NO_GROUPS = [404, 405, 410, 420, 501, 604];

/** Who asks: without a name, or after having been taken out. */
type Asking = Pick<StoredGroup, 'anonymous' | 'standing'>;

/** The answer to the INVITE of a group (cpm.md sections 8.5, 15.1, 15.2). */
export function refusalOf({ status, reason, headers }: FinalAnswer, asked: Asked, { anonymous, standing }: Asking): GroupRefusal {
  const detail = `${status} ${reason}`;
  const is = (meaning: Meaning, code: ErrorCode): GroupRefusal => ({ meaning, error: { code, detail } });
  if (status === 433) return is('refused', 'peer.anonymity');
  if (status === 403) {
    const says = (what: RegExp): boolean => readWarnings(headers).some(({ text }) => what.test(text));
    if (says(/too many|maximum|at most \d/i)) return is('refused', 'request.too-many');
    if (says(/\bclosed\b/i)) return is('refused', 'group.closed');
    const isOver = says(/\b127\b|service not authori[sz]ed/i);
    if (isOver && standing !== 'removed') return is('over', 'group.not-allowed');
    if (anonymous) return is('refused', 'peer.anonymity');
    return asked === 'identity' ? is('out', 'group.not-member') : is('refused', 'group.not-allowed');
  }
  // as many as there may be
  if (status === 486 && asked !== 'identity') return is('refused', 'request.too-many');
  if (asked === 'factory' && NO_GROUPS.includes(status)) return is('refused', 'group.refused');
  if (GONE.includes(status)) return is('gone', 'group.over');
  const { code, permanent } = messageRejection(status, headers);
  if (!permanent) return is('later', code);
  return is('refused', status >= 600 ? 'group.refused' : code);
}

/** The same for whatever kept a session from coming about. */
export function refusalFrom(thrown: unknown, asked: Asked, asking: Asking): GroupRefusal {
  if (thrown instanceof InviteRefused) return refusalOf(thrown.answer, asked, asking);
  const { code, detail } = toCodedError(thrown);
  const isTheirs = code === 'peer.unsupported' || code === 'peer.malformed' || code.startsWith('sdp.');
  const told: ErrorCode = code === 'peer.timeout' ? 'link.timeout' : code.startsWith('msrp.') ? 'peer.unavailable' : code;
  return { meaning: isTheirs ? 'refused' : 'later', error: { code: told, detail } };
}

/** The group could not be made or entered. */
export class GroupRefused extends ParleyError {
  readonly meaning: Meaning;

  constructor({ meaning, error }: GroupRefusal) {
    super(error.code, error.detail);
    this.meaning = meaning;
  }
}

/** What it means for a text that no session came about. @param attempts tries before this one */
export function attemptFromRefusal(thrown: unknown, attempts: number): Attempt {
  const error = toCodedError(thrown);
  if (!(thrown instanceof GroupRefused)) return attemptFromSession(error, attempts);
  if (thrown.meaning !== 'later') return { kind: 'failed', error };
  if (error.code.startsWith('link.') && error.code !== 'link.timeout' && error.code !== 'link.server') return attemptFromError(error);
  return { kind: 'postponed', error, whenOnline: false, retryAfterMs: null };
}

/** A text that an open session did not bring over. `again`: the session is of no use, the next one gets it. */
export function attemptFromSend(error: CodedError, attempts: number): Attempt | 'again' {
  if (error.code === 'msrp.lost' || error.code === 'file.cancelled') return 'again';
  if (error.code !== 'msrp.refused') return attemptFromSession(error, attempts);
  const status = Number.parseInt(error.detail, 10);
  if (status === 481 || status === 506) return 'again';
  if (status === 403 && isScreened(error.detail)) return { kind: 'failed', error: { code: 'network.screened', detail: error.detail } };
  // whoever was taken out of the group may not speak in it
  if (status === 403) return { kind: 'failed', error: { code: 'group.not-member', detail: error.detail } };
  return attemptFromSession(error, attempts);
}
