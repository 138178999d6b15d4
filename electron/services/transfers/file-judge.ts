import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import { cleanFileName } from '../../../shared/model/file-name.ts';
import type { TransferState } from '../../../shared/model/states/transfer-state.ts';
import { formatDateTime } from '../../../shared/protocol/cpim/cpim-message.ts';
import type { FileOffer } from '../../../shared/protocol/sdp/read-file-offer.ts';
import type { IncomingInvite } from '../../sip/port.ts';
import type { StoredTransfer } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';
import { type Envelope, senderOf } from '../envelope.ts';
import { notifyOf } from '../receipts.ts';
import { TransferBook } from './booking.ts';
import type { Claims } from './claims.ts';
import { checkRoom, type IncomingFolders } from './folders.ts';
import { keepIcon } from './icons.ts';
import type { FileRequest } from './invitation.ts';
import { arrivedOctets } from './receiving-run.ts';
import { type Refusal, refusalOf } from './refusal.ts';

/** One file of an INVITE, and what the INVITE says beside it. */
export interface OfferedFile {
  readonly offer: FileOffer;
  readonly envelope: Envelope;
  /** whose body may bring a thumbnail */
  readonly request: Pick<IncomingInvite, 'contentType' | 'body' | 'callId'>;
  /** what its sender wants to hear of it */
  readonly asked: FileRequest | null;
  /** stands for a message id and for a file-transfer-id where there is none */
  readonly fallbackId: string;
  /** shared by the files of one INVITE with several */
  readonly invitation: string | null;
  /** the network sends it in its author's place (flow F21-03) and comes again by itself: nobody is asked for the rest */
  readonly isKept: boolean;
}

/**
 * `ask`: the person decides. `take`: it was decided before, octets go on behind the first `start` of the file. `tell` shows the card: not before it can
 * be answered.
 */
export type Judgement =
  | { readonly kind: 'ask'; readonly book: TransferBook; readonly tell: () => void }
  | {
      readonly kind: 'take';
      readonly book: TransferBook;
      readonly start: number;
      /** of one that goes on: lets go of its claim, once its dialog is done with it; null: it is new */
      readonly release: (() => void) | null;
      readonly tell?: () => void;
    }
  | { readonly kind: 'refuse'; readonly refusal: Refusal };

/** Where an older attempt of the same transfer stands. */
export interface Attempts {
  readonly claims: Claims;
  /** the person has accepted it, and it is not over */
  isRunning(transferId: number): boolean;
  /** Ends one that was invited to and whose other side has evidently lost it. */
  halt(transferId: number): Promise<void>;
}

/** at rest, with part of the file on one side */
const STOPPED: ReadonlySet<TransferState> = new Set(['queued', 'interrupted', 'failed', 'expired', 'paused']);
const IN_FLIGHT: ReadonlySet<TransferState> = new Set(['accepting', 'transferring']);
/** what a person here wants to come, and what can be asked for therefore */
const AWAITED: ReadonlySet<TransferState> = new Set(['interrupted', 'queued']);
/** octets that may come once more; where more are here already, the rest is asked for */
const AGAIN = 1_048_576;
/** how often the rest of what is here is asked for instead */
const SPARED_AT_MOST = 2;

const refuse = (status: number): Judgement => ({ kind: 'refuse', refusal: { status, headers: [] } });

/** What becomes of a file that is pushed to this person, or asked of him (cpm.md sections 10.4 and 10.7). */
export class FileJudge {
  readonly #context: ServiceContext;
  readonly #folders: IncomingFolders;
  readonly #attempts: Attempts;
  readonly #outboxChanged: () => void;
  /** by transfer: octets that were here when its sender was refused because he began too far before or behind them, and how often that was */
  readonly #spared = new Map<number, { readonly arrived: number; readonly times: number }>();

  constructor(context: ServiceContext, folders: IncomingFolders, attempts: Attempts, outboxChanged: () => void) {
    this.#context = context;
    this.#folders = folders;
    this.#attempts = attempts;
    this.#outboxChanged = outboxChanged;
  }

  /** @throws ParleyError `peer.blocked`, `store.*`; what else is wrong with the file is a refusal */
  async judge(file: OfferedFile): Promise<Judgement> {
    const { offer } = file;
    const known = await this.#sameFiles(file);
    const resumed = offer.pull ? await this.#resumedPull(offer, known) : await this.#resumedPush(file, known);
    if (resumed) return resumed;
    // a part of something that is not here
    if ((offer.range?.start ?? 1) !== 1) return refuse(488);
    const obstacle = await this.#obstacle(offer);
    if (obstacle) return this.#noted(file, obstacle);
    return this.#asked(
      file,
      offer.pull ? known.find(({ direction, sourcePath }) => direction === 'out' && sourcePath !== null) : undefined,
    );
  }

  /** Transfers of that very file with that very peer, newest first. Without a hash nothing is known to be the same. */
  async #sameFiles({ offer, envelope }: OfferedFile): Promise<StoredTransfer[]> {
    const { store, contacts } = this.#context;
    const sha1 = hashOf(offer, 'sha-1');
    if (sha1 === null) return [];
    const peer = contacts.peerOf(envelope.peer);
    const found = await store.transfersByHash(sha1.toLowerCase());
    return found.filter((transfer) => transfer.peer === peer && (offer.size === null || offer.size === transfer.size));
  }

  /** Its sender goes on with a file that was accepted here before. */
  async #resumedPush({ offer, isKept }: OfferedFile, known: readonly StoredTransfer[]): Promise<Judgement | null> {
    const { range, size } = offer;
    const name = cleanFileName(offer.name ?? '');
    const before = known.find((transfer) => transfer.direction === 'in' && transfer.name === name && transfer.state !== 'done');
    if (before === undefined || (range !== null && (range.stop ?? size) !== size)) return null;
    const settled = range === null ? null : refusedBefore(before.state);
    if (settled) return settled;
    // from its beginning it may be a new attempt of one that failed for a reason, which is the person's to decide on
    const goesOn = (state: TransferState) => (range === null ? AWAITED : STOPPED).has(state);
    return this.#claimed(before, goesOn, async (transfer, release) => {
      if (transfer.partialPath === null) return null;
      const book = new TransferBook(this.#context, transfer);
      const start = (range?.start ?? 1) - 1;
      const arrived = await arrivedOctets(transfer);
      const isHere = start <= arrived;
      // who begins too far behind would begin with the first octet then
      const again = isHere ? arrived - start : arrived;
      const isSpared = !isKept && again > AGAIN && this.#spares(transfer, arrived);
      if (isHere && !isSpared) return { kind: 'take', book, start, release };
      // what is missing is asked for instead, now, as the other side is there (cpm.md section 10.7)
      if (AWAITED.has(transfer.state) && !isKept) {
        await book.apply('resume');
        this.#outboxChanged();
      }
      // 488 makes its sender begin anew, and a network may take that for who is away just then: then all that is here comes once more
      return refuse(range === null || isSpared ? 480 : 488);
    });
  }

  /** Whether to ask for the rest instead. Not again and again while no more comes: the sender may know no other way. */
  #spares({ id, state }: StoredTransfer, arrived: number): boolean {
    if (!AWAITED.has(state)) return false;
    const before = this.#spared.get(id);
    const times = before?.arrived === arrived ? before.times + 1 : 1;
    this.#spared.set(id, { arrived, times });
    return times <= SPARED_AT_MOST;
  }

  /** Its receiver goes on with a file that this person sent before. */
  async #resumedPull(offer: FileOffer, known: readonly StoredTransfer[]): Promise<Judgement | null> {
    const before = known.find(({ direction, sourcePath, state }) => direction === 'out' && sourcePath !== null && state !== 'done');
    if (before === undefined) return null;
    const { range } = offer;
    if (range !== null && (range.start > before.size || (range.stop ?? before.size) !== before.size)) return refuse(488);
    const settled = refusedBefore(before.state);
    if (settled) return range === null ? null : settled;
    const start = (range?.start ?? 1) - 1;
    return this.#claimed(
      before,
      (state) => STOPPED.has(state),
      async (transfer, release) => ({ kind: 'take', book: new TransferBook(this.#context, transfer), start, release }),
    );
  }

  /**
   * Judges one that goes on while no other dialog can move it. Null: it is at rest in a state that is not for that.
   * @param judge keeps `release` where it takes the file
   */
  async #claimed(
    before: StoredTransfer,
    goesOn: (state: TransferState) => boolean,
    judge: (transfer: StoredTransfer, release: () => void) => Promise<Judgement | null>,
  ): Promise<Judgement | null> {
    const { claims, isRunning, halt } = this.#attempts;
    // we have just invited to it ourselves, or still think that it flows because we did; that is found out soon
    if (claims.holder(before.id) === 'inviting') return refuse(480);
    // its other side has lost what is still thought to run here
    if (IN_FLIGHT.has(before.state) && isRunning(before.id)) await halt(before.id);
    if (claims.holder(before.id) === null) await claims.free(before.id);
    const release = claims.take(before.id, 'invited');
    if (release === null) return refuse(480);
    let judgement: Judgement | null = null;
    try {
      const transfer = await this.#context.store.transfer(before.id);
      if (goesOn(transfer.state)) judgement = await judge(transfer, release);
      return judgement;
    } finally {
      if (judgement?.kind !== 'take') release();
    }
  }

  async #obstacle({ pull, size }: FileOffer): Promise<CodedError | null> {
    const { maxFileSize } = this.#context.account;
    if (size === null) return null;
    try {
      if (maxFileSize > 0 && size > maxFileSize) throw new ParleyError('file.too-large', `${size} octets, the limit is ${maxFileSize}`);
      if (!pull) await checkRoom(this.#folders, size);
      return null;
    } catch (thrown) {
      return toCodedError(thrown);
    }
  }

  /** The person is not asked, but told why (cpm.md section 10.4). */
  async #noted(file: OfferedFile, error: CodedError): Promise<Judgement> {
    const { transfer } = await this.#store(file);
    if (transfer.state === 'offered') await new TransferBook(this.#context, transfer).apply('failed', { error });
    return { kind: 'refuse', refusal: refusalOf(error) };
  }

  async #asked(file: OfferedFile, proposed: StoredTransfer | undefined): Promise<Judgement> {
    const { contacts, notices } = this.#context;
    const rows = await this.#store(file, proposed);
    await contacts.heard(file.envelope);
    // the sender did not hear how this one ended; the person has answered it once
    if (rows.duplicate && rows.transfer.state !== 'offered') return refuse(rows.transfer.state === 'declined' ? 603 : 480);
    const shown = await keepIcon(this.#context, file.request, file.offer.icon, rows);
    // the person has just accepted it by the invitation before this one
    if (this.#attempts.isRunning(rows.transfer.id)) return refuse(486);
    const book = new TransferBook(this.#context, rows.transfer);
    const tell = () => notices.changed(shown);
    if (!this.#isWelcome(file, rows.conversation)) return { kind: 'ask', book, tell };
    return { kind: 'take', book, start: 0, release: null, tell };
  }

  /** Small enough to need no question, and from somebody who is no stranger. */
  #isWelcome(
    { offer: { pull, size }, envelope }: OfferedFile,
    { peer, kind, request }: Pick<Conversation, 'peer' | 'kind' | 'request'>,
  ): boolean {
    const { settings, contacts } = this.#context;
    const { autoAcceptUpTo, requests } = settings.current;
    if (pull || size === null || size > autoAcceptUpTo || autoAcceptUpTo === 0) return false;
    // whoever is in the same group may be a stranger all the same
    if (kind === 'group') return contacts.names.has(envelope.peer);
    // where nobody is asked about requests, only whom the network names is known
    return kind === 'person' && !request && (requests || contacts.names.has(peer));
  }

  #store({ offer, envelope, asked, fallbackId, invitation }: OfferedFile, proposed?: StoredTransfer) {
    const now = this.#context.clock.now();
    const { path, modifiedAt } = { path: proposed?.sourcePath ?? null, modifiedAt: proposed?.modifiedAt ?? null };
    return this.#context.store.receiveOffer({
      ...senderOf(this.#context, envelope),
      group: envelope.group && { ...envelope.group, author: { address: envelope.peer, name: envelope.title } },
      imdnId: asked?.request.messageId ?? offer.transferId ?? fallbackId,
      fileTransferId: offer.transferId ?? fallbackId,
      name: proposed?.name ?? (offer.pull && offer.name === null ? '' : cleanFileName(offer.name ?? '')),
      type: proposed?.type ?? offer.type ?? 'application/octet-stream',
      size: proposed?.size ?? offer.size,
      hash: { sha1: hashOf(offer, 'sha-1'), sha256: hashOf(offer, 'sha-256') },
      pull: offer.pull,
      ...(path !== null && modifiedAt !== null ? { source: { path, modifiedAt } } : {}),
      invitation,
      sentAt: asked?.sentAt ?? now,
      now,
      notify: notifyOf(this.#context, asked?.request ?? null, envelope.originInstance, asked?.dateTime ?? formatDateTime(now)),
    });
  }
}

/** What the person said no to, or not now, does not go on by itself. */
function refusedBefore(state: TransferState): Judgement | null {
  if (state === 'paused') return refuse(480);
  return state === 'declined' || state === 'cancelled' ? refuse(603) : null;
}

function hashOf({ hashes }: FileOffer, algorithm: string): string | null {
  return hashes.find((hash) => hash.algorithm === algorithm)?.hex ?? null;
}
