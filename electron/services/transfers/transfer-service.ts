import { rm } from 'node:fs/promises';
import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { randomUuid } from '../../../shared/base/random.ts';
import { cleanFileName } from '../../../shared/model/file-name.ts';
import type { Message } from '../../../shared/model/message.ts';
import { isAtRest, isFinalTransferState } from '../../../shared/model/states/transfer-state.ts';
import type { Icon } from '../../../shared/protocol/picture/icon-part.ts';
import type { MsrpEngine } from '../../msrp/port.ts';
import type { IncomingInvite } from '../../sip/port.ts';
import type { OutboxItem, StoredTransfer } from '../../store/port.ts';
import type { Link, ServiceContext } from '../context.ts';
import { TransferBook } from './booking.ts';
import { Claims } from './claims.ts';
import type { IncomingFolders } from './folders.ts';
import { Icons, type IconTakers, NOBODY_TAKES_ICONS } from './icons.ts';
import { IncomingTransfers } from './incoming.ts';
import { type OutgoingOptions, OutgoingTransfers } from './outgoing.ts';
import type { PickedFile } from './picked-file.ts';
import { Preparation } from './preparation.ts';
import { arrivedOctets } from './receiving-run.ts';
import { giveUpOld, salvage } from './salvage.ts';
import { takeSentMark } from './sent-mark.ts';
import { Turns } from './turns.ts';

/** files that leave at once, whoever invited; more only slow each other down, and those that come flow as their senders send */
const AT_ONCE = 4;

/** What is known of a file that somebody is asked for. */
export interface FileWish {
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  /** octets */
  readonly size?: number | undefined;
  /** SHA-1, lower-case hexadecimal digits */
  readonly hash?: string | undefined;
}

/** All that a person does with files. */
export class TransferService {
  readonly #context: ServiceContext;
  readonly #preparation: Preparation;
  readonly #turns: Turns;
  readonly #outgoing: OutgoingTransfers;
  readonly #incoming: IncomingTransfers;
  readonly #folders: IncomingFolders;
  readonly #outboxChanged: () => void;

  constructor(
    context: ServiceContext,
    msrp: MsrpEngine,
    folders: IncomingFolders,
    outboxChanged: () => void,
    takers: IconTakers = NOBODY_TAKES_ICONS,
    options: OutgoingOptions = {},
  ) {
    this.#context = context;
    this.#folders = folders;
    this.#outboxChanged = outboxChanged;
    this.#preparation = new Preparation(context, outboxChanged);
    this.#turns = new Turns(AT_ONCE, (items) => context.notices.tell('transfers.queued', { items }));
    const parts = { context, msrp, folders, turns: this.#turns, claims: new Claims(), outboxChanged };
    this.#outgoing = new OutgoingTransfers({ ...parts, icons: new Icons(context, takers) }, options);
    const goOn = (transfer: StoredTransfer, error: CodedError) => this.#outgoing.goOn(transfer, error);
    this.#incoming = new IncomingTransfers({ ...parts, goOn });
  }

  /**
   * Transfers that the last run left unprepared are hashed now, files that came whole get their place, and what was being sent goes on; the
   * store has ended what cannot. Before the first INVITE, which could offer one of them again.
   */
  async recover(): Promise<void> {
    await giveUpOld(this.#context, this.#folders).catch((thrown) => this.#context.log(`old files: ${toCodedError(thrown).detail}`));
    for (const transfer of await this.#context.store.openTransfers()) {
      await this.#recover(transfer).catch((thrown) => this.#context.log(`transfer ${transfer.id}: ${toCodedError(thrown).detail}`));
    }
  }

  async #recover(transfer: StoredTransfer): Promise<void> {
    if (transfer.state === 'preparing') void this.#preparation.prepare(transfer);
    else if (transfer.direction === 'in') await salvage(this.#context, this.#folders, transfer);
    await this.#recall(transfer);
    await this.#outgoing.goOn(await this.#context.store.transfer(transfer.id));
  }

  /** How far it got after the last checkpoint. */
  async #recall(transfer: StoredTransfer): Promise<void> {
    const octets = transfer.direction === 'in' ? await arrivedOctets(transfer) : await takeSentMark(this.#folders, transfer);
    if (octets !== null && octets > transfer.transferred) await this.#context.store.checkpointTransfer(transfer.id, octets);
  }

  async send(conversationId: number, clientId: string, file: PickedFile): Promise<Message> {
    const { store, notices, clock } = this.#context;
    this.#checkSize(file);
    const rows = await store.composeFile({
      ...file,
      conversationId,
      imdnId: clientId,
      contributionId: randomUuid(),
      now: clock.now(),
    });
    if (rows.created) {
      notices.changed(rows);
      if (rows.message.transfer) void this.#preparation.prepare(await store.transfer(rows.message.transfer.id));
    }
    return rows.message;
  }

  /** Asks that person for a file (seed 000 7.4.1 1c ii). @throws ParleyError `request.invalid-state` for several people, `file.too-large` */
  async request({
    conversationId,
    clientId,
    name = '',
    type,
    size,
    hash,
  }: { conversationId: number; clientId: string } & FileWish): Promise<Message> {
    const { store, notices, clock } = this.#context;
    if (size !== undefined) this.#checkSize({ size });
    if ((await store.conversation(conversationId)).kind !== 'person')
      throw new ParleyError('request.invalid-state', 'one person is asked for a file');
    const rows = await store.composePull({
      conversationId,
      imdnId: clientId,
      contributionId: randomUuid(),
      name: name === '' ? '' : cleanFileName(name),
      type: type ?? null,
      size: size ?? null,
      hash: hash === undefined ? null : { sha1: hash.toLowerCase(), sha256: null },
      now: clock.now(),
    });
    if (rows.created) notices.changed(rows);
    this.#outboxChanged();
    return rows.message;
  }

  /** ids of the transfers that wait for their turn, in order */
  get queue(): readonly number[] {
    return this.#turns.waiting;
  }

  /** Answers a peer who asked for a file. @throws ParleyError `request.invalid-state` when nobody waits for it any more */
  async give(transferId: number, file: PickedFile): Promise<void> {
    this.#checkSize(file);
    await this.#incoming.give(transferId, file);
  }

  /** @throws ParleyError `request.invalid-state` when nothing of it is under way */
  async pause(transferId: number): Promise<void> {
    const moves = ({ state }: StoredTransfer) => !isAtRest(state) || state === 'interrupted';
    for (const id of await this.#legs(transferId, moves)) await this.#pause(id);
  }

  async #pause(transferId: number): Promise<void> {
    const wish = new ParleyError('file.paused', 'paused here');
    if (this.#outgoing.end(transferId, wish) || this.#incoming.pause(transferId)) return;
    const transfer = await this.#context.store.transfer(transferId);
    if (transfer.state !== 'queued' && transfer.state !== 'interrupted')
      throw new ParleyError('request.invalid-state', 'this transfer cannot be paused');
    await new TransferBook(this.#context, transfer).apply('pause');
    this.#outboxChanged();
  }

  /** Where it was. @throws ParleyError `request.invalid-state` when there is nothing to take up */
  async resume(transferId: number): Promise<void> {
    const isStopped = ({ state }: StoredTransfer) => state === 'paused' || state === 'interrupted';
    for (const id of await this.#legs(transferId, isStopped)) await this.#resume(id);
  }

  async #resume(transferId: number): Promise<void> {
    const transfer = await this.#context.store.transfer(transferId);
    if (transfer.state !== 'paused' && transfer.state !== 'interrupted')
      throw new ParleyError('request.invalid-state', 'this transfer cannot be taken up again');
    await new TransferBook(this.#context, transfer).apply('resume');
    this.#outboxChanged();
  }

  /** Its thumbnail, which goes with it where it has not left yet. */
  async illustrate(transferId: number, icon: Icon): Promise<void> {
    this.#context.notices.changed(await this.#context.store.setThumbnail(transferId, icon));
  }

  offer(item: Extract<OutboxItem, { kind: 'file' }>, link: Link): Promise<void> {
    return this.#outgoing.offer(item, link);
  }

  /** An INVITE with the file transfer service. */
  async invited(invite: IncomingInvite): Promise<void> {
    await this.#incoming.handle(invite);
  }

  accept(transferId: number): void {
    this.#incoming.accept(transferId);
  }

  /** @throws ParleyError `request.invalid-state` when there is nothing to decline any more */
  async decline(transferId: number): Promise<void> {
    if (await this.#incoming.decline(transferId)) return;
    const transfer = await this.#context.store.transfer(transferId);
    if (transfer.state !== 'offered') throw new ParleyError('request.invalid-state', 'this offer is not open any more');
    // its invitation has ended, and that could not be written down
    await new TransferBook(this.#context, transfer).apply('expired');
  }

  async cancel(transferId: number): Promise<void> {
    for (const id of await this.#legs(transferId, ({ state }) => !isFinalTransferState(state))) await this.#cancel(id);
  }

  /** What a person wants of a file that goes to several by themselves he wants of each leg. @returns those; itself where it has none, or none such */
  async #legs(transferId: number, isMeant: (leg: StoredTransfer) => boolean): Promise<number[]> {
    const meant = (await this.#context.store.transferLegs(transferId)).filter(isMeant).map(({ id }) => id);
    return meant.length === 0 ? [transferId] : meant;
  }

  async #cancel(transferId: number): Promise<void> {
    const wish = new ParleyError('file.cancelled', 'cancelled here');
    if (this.#preparation.cancel(transferId) || this.#outgoing.end(transferId, wish) || this.#incoming.cancel(transferId)) return;
    const transfer = await this.#context.store.transfer(transferId);
    if (isFinalTransferState(transfer.state)) return;
    if (transfer.state === 'offered') return this.decline(transferId);
    await new TransferBook(this.#context, transfer).apply('cancelled');
    if (transfer.partialPath) await rm(transfer.partialPath, { force: true });
  }

  /** The path of a file that is whole on this device. @throws ParleyError `request.invalid-state`, `file.missing` */
  async readyFile(transferId: number): Promise<{ path: string; transfer: StoredTransfer }> {
    const transfer = await this.#context.store.transfer(transferId);
    const path = transfer.direction === 'out' ? transfer.sourcePath : transfer.state === 'done' ? transfer.finalPath : null;
    if (path === null) throw new ParleyError('request.invalid-state', `the file is ${transfer.state}`);
    return { path, transfer };
  }

  opened(transferId: number): void {
    this.#context.store
      .fileOpened(transferId, this.#context.clock.now(), this.#context.settings.current.displayReports)
      .then(() => this.#outboxChanged())
      .catch((thrown) => this.#context.log(`file opened: ${toCodedError(thrown).detail}`));
  }

  /** Nothing new, and the end of what is under way; {@link idle} tells when that is written down. */
  stop(): void {
    this.#preparation.stop();
    this.#outgoing.stop();
    this.#incoming.stop();
  }

  async idle(): Promise<void> {
    await Promise.all([this.#preparation.idle(), this.#outgoing.idle(), this.#incoming.idle()]);
  }

  /** R-FT-10: before anything leaves. */
  #checkSize(file: Pick<PickedFile, 'size'>): void {
    const { maxFileSize } = this.#context.account;
    if (maxFileSize > 0 && file.size > maxFileSize)
      throw new ParleyError('file.too-large', `${file.size} octets, the limit is ${maxFileSize}`);
  }
}
