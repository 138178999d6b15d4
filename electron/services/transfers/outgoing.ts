import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { conferenceFactoryOf } from '../../../shared/model/account.ts';
import { acceptContact, contactFeature, FILE_TRANSFER } from '../../../shared/protocol/cpm/names.ts';
import type { MsrpEngine } from '../../msrp/port.ts';
import type { FinalAnswer, OutgoingInvite, SessionBody } from '../../sip/port.ts';
import type { OutboxItem, StoredTransfer } from '../../store/port.ts';
import type { Link, ServiceContext } from '../context.ts';
import { RECIPIENT_LIST_INVITE, withRecipients } from '../recipient-body.ts';
import { TransferBook } from './booking.ts';
import type { Claims } from './claims.ts';
import { FileSession } from './file-session.ts';
import type { IncomingFolders } from './folders.ts';
import type { Icons } from './icons.ts';
import { fileInviteHeaders } from './invitation.ts';
import { type InvitedFile, PulledFile, PushedFile } from './invited-files.ts';
import { Outcomes } from './outcomes.ts';
import type { Turns } from './turns.ts';

type FileItem = Extract<OutboxItem, { kind: 'file' }>;

/** files of one offer */
const MOST_TOGETHER = 10;
/** how long files that are still hashed are waited for, so that what was picked together is offered together */
const GATHER_STEP_MS = 150;
const GATHER_AT_MOST_MS = 2000;

export interface OutgoingOptions {
  /** how long a dialog stays after its last file (seed 002 7.x.2: e.g. 30 s), ms */
  readonly lingerMs?: number | undefined;
}

const LINGER_MS = 30_000;

export interface OutgoingParts {
  readonly context: ServiceContext;
  readonly msrp: MsrpEngine;
  readonly icons: Icons;
  readonly folders: IncomingFolders;
  readonly turns: Turns;
  readonly claims: Claims;
  readonly outboxChanged: () => void;
}

/**
 * Files that we invite to: what the outbox takes up is offered, with others of its conversation that wait beside it, by an INVITE or in the dialog
 * that is there; to a list by its server or, where that takes none, to one
 * by one; to a group by its address, one file each (seed 000 7.4.1, cpm.md sections 10.1, 10.7 and 15.2).
 */
export class OutgoingTransfers {
  readonly #parts: OutgoingParts;
  readonly #options: OutgoingOptions;
  readonly #outcomes: Outcomes;
  /** what is being offered or flows, by transfer */
  readonly #live = new Map<number, AbortController>();
  /** lets go of the claim on what was begun with that */
  readonly #releases = new WeakMap<AbortController, () => void>();
  /** dialogs that take further files, by {@link wayOf} */
  readonly #sessions = new Map<string, FileSession>();
  readonly #all = new Set<FileSession>();
  /** by way: whoever looks for files to take along */
  readonly #gathering = new Map<string, Promise<unknown>>();
  /** ways whose other side does not take further files in a dialog */
  readonly #unreusable = new Set<string>();
  #stopped = false;

  constructor(parts: OutgoingParts, options: OutgoingOptions = {}) {
    this.#parts = parts;
    this.#options = options;
    this.#outcomes = new Outcomes(parts.context);
  }

  /** Resolves when the invitation has its final answer; what is accepted goes on by itself. Every outcome is booked. */
  async offer(item: FileItem, link: Link): Promise<void> {
    const { id } = item.transfer;
    const way = wayOf(item.transfer);
    // what is gathered there takes this one along
    await this.#gathering.get(way);
    if (this.#live.has(id) || this.#stopped) return;
    const first = this.#begin(item.transfer);
    // its other side has just taken it up: the row goes with that, or is looked at again when that is over
    if (first === null) return this.#parts.claims.free(id);
    const files: InvitedFile[] = [];
    try {
      const gathering = this.#siblings(item);
      this.#gathering.set(way, gathering);
      const siblings = await gathering.finally(() => this.#gathering.delete(way));
      for (const { transfer, abort } of [{ transfer: item.transfer, abort: first }, ...siblings]) {
        const file = await this.#open(transfer, item, abort, link);
        if (file) files.push(file);
      }
      if (files.length > 0) await this.#invite(files, item, link);
    } catch (thrown) {
      const error = toCodedError(thrown);
      for (const file of files) await this.#unasked(file.book, file.abort, error, item);
    }
  }

  /** @param wish `file.cancelled`, `file.paused`. @returns false when no such transfer is at work here */
  end(transferId: number, wish: ParleyError): boolean {
    const abort = this.#live.get(transferId);
    abort?.abort(wish);
    return abort !== undefined;
  }

  /** {@link Outcomes.goOn} of one that was interrupted when the app ended, or while its other side invited. */
  async goOn(transfer: StoredTransfer, error: CodedError | null = null): Promise<void> {
    if (!this.#stopped) await this.#outcomes.goOn(new TransferBook(this.#parts.context, transfer), error);
  }

  stop(): void {
    this.#stopped = true;
    const reason = new ParleyError('msrp.lost', 'the app is closing');
    for (const session of this.#all) session.stop(reason);
    for (const abort of this.#live.values()) abort.abort(reason);
  }

  /** Resolves when what flowed has its end written down. */
  async idle(): Promise<void> {
    await Promise.all([...this.#all].map((session) => session.idle()));
  }

  /** @returns null when a dialog of its other side has it */
  #begin({ id }: StoredTransfer): AbortController | null {
    const release = this.#parts.claims.take(id, 'inviting');
    if (release === null) return null;
    const abort = new AbortController();
    this.#live.set(id, abort);
    this.#releases.set(abort, release);
    return abort;
  }

  /** Others that were picked with it: from then on nobody else's. */
  async #siblings({ transfer }: FileItem): Promise<{ transfer: StoredTransfer; abort: AbortController }[]> {
    const { store, clock } = this.#parts.context;
    if (!this.#goesWithOthers(transfer)) return [];
    for (let waited = 0; ; waited += GATHER_STEP_MS) {
      const others = (await store.openTransfers()).filter(
        (other) =>
          other.id !== transfer.id &&
          wayOf(other) === wayOf(transfer) &&
          this.#goesWithOthers(other) &&
          (other.state === 'preparing' || other.state === 'queued') &&
          !this.#live.has(other.id),
      );
      if (waited >= GATHER_AT_MOST_MS || this.#stopped || !others.some(({ state }) => state === 'preparing'))
        return others
          .filter(({ state }) => state === 'queued')
          .slice(0, MOST_TOGETHER - 1)
          .flatMap((other) => {
            const abort = this.#begin(other);
            return abort === null ? [] : [{ transfer: other, abort }];
          });
      await new Promise<void>((resolve) => clock.after(GATHER_STEP_MS, resolve));
    }
  }

  /** @returns null when it cannot be offered, and that is booked, or is not to be any more */
  async #open(seen: StoredTransfer, item: FileItem, abort: AbortController, link: Link): Promise<InvitedFile | null> {
    const { context, icons, folders, turns, outboxChanged } = this.#parts;
    let book = new TransferBook(context, seen);
    const over = (file: InvitedFile, error: CodedError | null) => this.#over(file, error);
    try {
      const transfer = await context.store.transfer(seen.id);
      if (abort.signal.aborted) throw abort.signal.reason;
      // nobody else moves it from now on, but somebody did
      if (transfer.state !== 'queued') {
        this.#drop(transfer, abort);
        return null;
      }
      book = new TransferBook(context, transfer);
      const parts = { context, folders, book, abort, outboxChanged, over };
      if (transfer.direction === 'in') return await PulledFile.offer(parts);
      const { sentAt } = transfer.id === item.transfer.id ? item.message : await context.store.message(transfer.messageId);
      // who could not read an invitation with requests beside the offer gets the offer alone
      const wishes = { sentAt: this.#outcomes.isPlain(transfer) ? null : sentAt };
      return await PushedFile.offer(
        { ...parts, turns },
        { ...wishes, icon: (offered) => (transfer.audience === 'person' ? icons.toSend(offered, link) : Promise.resolve(null)) },
      );
    } catch (thrown) {
      await this.#unasked(book, abort, toCodedError(thrown), item);
      return null;
    }
  }

  async #invite(files: readonly InvitedFile[], item: FileItem, link: Link): Promise<void> {
    const answer = (await this.#reuse(files, item.transfer)) ?? (await this.#call(files, item, link));
    const { context, icons } = this.#parts;
    const transfers = files.map(({ book }) => book.transfer);
    const isAgain = icons.answered(transfers, answer.status);
    if (answer.status < 300) return;
    for (const file of files) {
      if (file.abort.signal.aborted) continue;
      this.#forget(file);
      try {
        if (isAgain) await file.book.apply('postponed', { notBefore: context.clock.now() });
        else await this.#outcomes.refused(file, answer, { ...item, isOneOfSeveral: files.length > 1 });
      } finally {
        this.#release(file.abort);
      }
    }
  }

  /** In the dialog that is there. @returns null where there is none that takes them: then they get one of their own */
  async #reuse(files: readonly InvitedFile[], transfer: StoredTransfer): Promise<FinalAnswer | null> {
    const way = wayOf(transfer);
    if (!this.#goesWithOthers(transfer)) return null;
    const session = this.#sessions.get(way);
    if (!session?.hasRoom(files.length) || this.#unreusable.has(way)) return null;
    try {
      const answer = await session.reuse(files, [{ name: 'Accept-Contact', value: acceptContact(FILE_TRANSFER) }]);
      if (answer.status < 300 || answer.status === 603) return answer;
      // by no means a word about the file: many do not change a session
      this.#unreusable.add(way);
      this.#sessions.delete(way);
    } catch (thrown) {
      if (files.every(({ abort }) => abort.signal.aborted)) throw thrown;
      this.#parts.context.log(`further files in a session: ${toCodedError(thrown).detail}`);
    }
    return null;
  }

  async #call(files: readonly InvitedFile[], { transfer, audience, recipients }: FileItem, link: Link): Promise<FinalAnswer> {
    const { context, msrp } = this.#parts;
    const isList = audience === 'list';
    const way = wayOf(transfer);
    const target = isList ? conferenceFactoryOf(context.account) : transfer.peer;
    const session: FileSession = new FileSession({
      context,
      msrp,
      to: target,
      lingerMs: audience === 'person' ? (this.#options.lingerMs ?? LINGER_MS) : 0,
      onOver: () => {
        if (this.#sessions.get(way) === session) this.#sessions.delete(way);
        // its last octets may still be flowing
        void session.idle().then(() => this.#all.delete(session));
      },
    });
    this.#all.add(session);
    const waiting = recipients.filter(({ status }) => status === 'queued' || status === 'sending').map(({ address }) => address);
    const send = (body: SessionBody): OutgoingInvite =>
      link.agent.invite({
        target,
        headers: [
          ...fileInviteHeaders(context.account.address, transfer),
          ...(isList ? [{ name: 'Require', value: RECIPIENT_LIST_INVITE }] : []),
        ],
        contactParameters: contactFeature([FILE_TRANSFER]),
        ...(isList ? withRecipients({ type: body.contentType, body: body.body }, waiting) : body),
      });
    const answer = await session.invite(files, send);
    if (answer.status < 300 && audience === 'person') this.#sessions.set(way, session);
    return answer;
  }

  async #over(file: InvitedFile, error: CodedError | null): Promise<void> {
    const { context, outboxChanged } = this.#parts;
    this.#forget(file);
    try {
      if (error === null) this.#outcomes.forget(file.book.transfer);
      else await this.#outcomes.ended(file, error, this.#stopped);
    } catch (thrown) {
      context.log(`transfer ${file.book.transfer.id}: ${toCodedError(thrown).detail}`);
    } finally {
      this.#release(file.abort);
    }
    outboxChanged();
  }

  /** Nobody was asked, or nobody answered. */
  async #unasked(book: TransferBook, abort: AbortController, thrown: CodedError, item: FileItem): Promise<void> {
    const { transfer } = book;
    if (this.#live.get(transfer.id) !== abort) return;
    // the next start takes it up where it is
    if (this.#stopped && transfer.state === 'queued') return this.#drop(transfer, abort);
    this.#end(transfer.id);
    try {
      await this.#outcomes.unasked(book, abort.signal.aborted ? toCodedError(abort.signal.reason) : thrown, item);
    } catch (failure) {
      this.#parts.context.log(`transfer ${transfer.id}: ${toCodedError(failure).detail}`);
    } finally {
      this.#release(abort);
    }
  }

  /** One that is begun anew may be asked for by its receiver at the same time: he answers it by itself, and not by port 0. */
  #goesWithOthers(transfer: StoredTransfer): boolean {
    return goesWithOthers(transfer) && !this.#outcomes.isBegunAnew(transfer);
  }

  #forget({ book, abort }: InvitedFile): void {
    // a retry of the same file may be at work already
    if (this.#live.get(book.transfer.id) === abort) this.#end(book.transfer.id);
  }

  #end(transferId: number): void {
    this.#live.delete(transferId);
    this.#parts.claims.ending(transferId);
  }

  #drop({ id }: StoredTransfer, abort: AbortController): void {
    this.#live.delete(id);
    this.#release(abort);
  }

  /** Once what became of it is written down. */
  #release(abort: AbortController): void {
    this.#releases.get(abort)?.();
  }
}

/** What goes together: to one person in one conversation, which may be a list. */
function wayOf({ conversationId, peer }: StoredTransfer): string {
  return `${conversationId} ${peer}`;
}

/**
 * Only one file goes to several people at once (R-FT-14). What is asked for is asked for by itself, and what is taken up again is found by the
 * Contribution-ID of an INVITE of its own (cpm.md section 10.7).
 */
function goesWithOthers({ audience, direction, transferred }: StoredTransfer): boolean {
  return audience === 'person' && direction === 'out' && transferred === 0;
}
