import type { CodedError } from '../../../shared/base/errors.ts';
import { fileRejection, listRejection, type Rejection, refusesFiles } from '../../../shared/protocol/cpm/rejection.ts';
import type { FinalAnswer } from '../../sip/port.ts';
import type { StoredTransfer } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';
import { attemptFromError, GIVE_UP_MS, LINK_WAIT_MS, retryWait } from '../outbox.ts';
import { isInterruption, type TransferBook } from './booking.ts';
import type { InvitedFile } from './invited-files.ts';
import { bookBroken } from './receiving-run.ts';

/** how the outbox knows the invitation */
export interface Tried {
  readonly attempts: number;
  readonly createdAt: number;
  /** the answer was to an offer of several files */
  readonly isOneOfSeveral?: boolean;
}

/** whoever was refused a part of a file, and has none of it, may be about to ask for it himself (cpm.md section 10.7) */
const START_OVER_AFTER_MS = 3000;
/** who take up the same file at the same moment refuse each other: the one who receives it lets the other go first */
const YIELD_MS = 3000;
/** octets that make an interruption the first one again */
const PROGRESS = 1_048_576;
/** answers about the form of an invitation: one of less may be taken (cpm.md section 15.2) */
const ABOUT_FORM: ReadonlySet<number> = new Set([406, 415]);

/** What becomes of a transfer that we invited to and that did not come to its end: booked, and when it is tried again. */
export class Outcomes {
  readonly #context: ServiceContext;
  /** interruptions since octets flowed last, by transfer */
  readonly #broken = new Map<number, { tries: number; since: number; at: number }>();
  /** transfers whose invitations go out without requests for notifications */
  readonly #plain = new Set<number>();
  /** transfers that were begun anew */
  readonly #startedOver = new Set<number>();

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  isPlain({ id }: StoredTransfer): boolean {
    return this.#plain.has(id);
  }

  /** The final answer that is no 2xx. */
  async refused(file: InvitedFile, answer: FinalAnswer, tried: Tried): Promise<void> {
    const { clock } = this.#context;
    const { book, start } = file;
    const { transfer } = book;
    const rejection = rejectionOf(answer, transfer);
    const error = { code: rejection.code, detail: `${answer.status} ${answer.reason}` };
    if (rejection.code === 'peer.no-lists') {
      this.#context.log(`no list service: transfer ${transfer.id} goes to its recipients one by one`);
      return book.spread();
    }
    const isAboutRange = start > 0 && (answer.status === 488 || answer.status === 606);
    const isAboutOthers = tried.isOneOfSeveral === true && file.wasTaken && rejection.code === 'peer.declined';
    if ((isAboutRange || isAboutOthers) && this.#canStartOver(transfer)) return this.#startOver(book, error);
    if (ABOUT_FORM.has(answer.status) && !this.#plain.has(transfer.id) && transfer.direction === 'out') {
      this.#plain.add(transfer.id);
      await book.apply('postponed', { error, notBefore: clock.now() });
    } else if (rejection.permanent && isRest(transfer)) await book.apply('lost', { error });
    else if (rejection.code === 'peer.declined') await book.apply('declined', { error });
    else if (rejection.permanent) await book.apply('failed', { error });
    // whoever took it before is not waited for in vain by a prompt
    else if ((rejection.code === 'peer.timeout' && start === 0) || clock.now() - tried.createdAt > GIVE_UP_MS)
      await book.apply('expired', { error });
    else {
      const ownWait = retryWait(tried, clock.now()) + (start > 0 && transfer.direction === 'in' ? YIELD_MS : 0);
      const wait = rejection.retryAfter === null ? ownWait : rejection.retryAfter * 1000;
      await book.apply('postponed', { error, notBefore: clock.now() + wait });
    }
  }

  /** No final answer came, or there was nowhere to invite to. */
  async unasked(book: TransferBook, error: CodedError, tried: Tried): Promise<void> {
    const now = this.#context.clock.now();
    const attempt = attemptFromError(error);
    const isLater = attempt.kind === 'postponed' || error.code === 'relay.unreachable';
    const isWaiting = book.transfer.state === 'queued' || book.transfer.state === 'offering';
    if (!isLater || !isWaiting || now - tried.createdAt > GIVE_UP_MS) return void (await book.applyFailure(error));
    const wait = attempt.kind === 'postponed' && attempt.whenOnline ? LINK_WAIT_MS : retryWait(tried, now);
    await book.apply('postponed', { error, notBefore: now + wait });
  }

  /**
   * Why a file that was accepted, or whose m-line was not, did not come through. One that we send goes on by itself where it was.
   * @param isClosing the app is: the next start goes on
   */
  async ended({ book, start, wasTaken }: InvitedFile, error: CodedError, isClosing: boolean): Promise<void> {
    const { transfer } = book;
    const isDeclined = error.code === 'peer.declined';
    const isUntaken = transfer.state === 'offering' && (isDeclined || error.code === 'peer.unsupported');
    // port 0 does not say why: the other side may be about to ask for it, or have it already
    const mayBeTaken = start > 0 || (wasTaken && isDeclined);
    if (isUntaken && mayBeTaken && this.#canStartOver(transfer)) return this.#startOver(book, error);
    if (isUntaken && isRest(transfer)) return void (await book.apply('lost', { error }));
    if (isUntaken && isDeclined) return void (await book.apply('declined', { error }));
    await (transfer.direction === 'in' ? bookBroken(book, error) : book.applyFailure(error));
    if (!isClosing) await this.goOn(book, error);
  }

  /**
   * What was interrupted waits for its next try, ever longer as long as nothing arrives: at the one who invited to it first, as it was their
   * person who wanted it. @param error null: the app ended
   */
  async goOn(book: TransferBook, error: CodedError | null): Promise<void> {
    const { clock, store } = this.#context;
    const now = clock.now();
    const { id, state, direction, pull } = book.transfer;
    const isOurs = (direction === 'out') !== pull;
    if (state !== 'interrupted' || !isOurs || (error !== null && !isInterruption(error))) return;
    // it was taken: what is refused from now on is refused anew
    this.#startedOver.delete(id);
    const at = (await store.transfer(id)).transferred;
    const before = this.#broken.get(id);
    const broken = before === undefined || at - before.at >= PROGRESS ? { tries: 0, since: now, at } : before;
    this.#broken.set(id, { ...broken, tries: broken.tries + 1 });
    // the person may go on with it
    if (now - broken.since > GIVE_UP_MS) return;
    const wait = retryWait({ attempts: broken.tries, createdAt: broken.since }, now);
    await book.apply('resume', { notBefore: now + wait, ...(error === null ? {} : { error }) });
  }

  /** It is over. */
  forget({ id }: StoredTransfer): void {
    this.#broken.delete(id);
    this.#plain.delete(id);
    this.#startedOver.delete(id);
  }

  isBegunAnew({ id }: StoredTransfer): boolean {
    return this.#startedOver.has(id);
  }

  #canStartOver(transfer: StoredTransfer): boolean {
    return !isRest(transfer) && !this.isBegunAnew(transfer);
  }

  /** The other side has not what is before, knows no ranges, or spoke of other files: the whole of it, once, and by itself. */
  async #startOver(book: TransferBook, error: CodedError): Promise<void> {
    this.#startedOver.add(book.transfer.id);
    const notBefore = this.#context.clock.now() + START_OVER_AFTER_MS;
    await book.apply('postponed', { error, notBefore, fields: { transferred: 0 } });
  }
}

/** What is missing of a file that was pushed to this person: where it is not given, whoever pushed it may still go on. */
function isRest({ direction, pull }: StoredTransfer): boolean {
  return direction === 'in' && !pull;
}

function rejectionOf({ status, headers }: FinalAnswer, { audience }: StoredTransfer): Rejection {
  if (audience === 'person') return fileRejection(status, headers);
  if (status === 403 && refusesFiles(headers)) return { code: 'peer.no-files', permanent: true, tryLarge: false, retryAfter: null };
  return audience === 'list' ? listRejection(status, headers, fileRejection) : fileRejection(status, headers);
}
