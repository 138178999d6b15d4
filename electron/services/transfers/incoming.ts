import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { hashFile } from '../../msrp/file-source.ts';
import type { IncomingInvite } from '../../sip/port.ts';
import type { TransferFields } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';
import type { Claims } from './claims.ts';
import { FileJudge } from './file-judge.ts';
import type { InvitedLine } from './invited-line.ts';
import { InvitedSession, type SessionParts } from './invited-session.ts';
import type { PickedFile } from './picked-file.ts';
import { refusalOf } from './refusal.ts';

export interface IncomingParts extends Pick<SessionParts, 'context' | 'msrp' | 'folders' | 'turns' | 'outboxChanged' | 'goOn'> {
  readonly claims: Claims;
}

/** Files that others push to this person or ask him for: who is asked about what, and what he says (seed 000 7.4.2, cpm.md section 10.4). */
export class IncomingTransfers {
  readonly #context: ServiceContext;
  readonly #parts: SessionParts;
  readonly #sessions = new Set<InvitedSession>();
  /** by transfer: the person decides */
  readonly #asked = new Map<number, InvitedLine>();
  /** by transfer: its end is not written down yet */
  readonly #running = new Map<number, InvitedLine>();
  readonly #work = new Set<Promise<unknown>>();
  #isStopped = false;

  constructor({ context, msrp, folders, turns, outboxChanged, claims, goOn }: IncomingParts) {
    this.#context = context;
    const attempts = {
      claims,
      isRunning: (transferId: number) => this.#running.has(transferId),
      halt: async (transferId: number) => {
        const line = this.#running.get(transferId);
        line?.stop(new ParleyError('msrp.lost', 'the other side begins anew'));
        await line?.over;
      },
    };
    this.#parts = {
      context,
      msrp,
      folders,
      turns,
      outboxChanged,
      goOn,
      judge: new FileJudge(context, folders, attempts, outboxChanged),
      ask: (line) => this.#ask(line),
      take: (line) => this.#take(line),
      close: (line) => this.#close(line),
      ending: (line) => {
        if (line.file.isAgain) claims.ending(line.transferId);
      },
      gone: (session) => this.#sessions.delete(session),
      track: (work) => this.#track(work),
    };
  }

  /** An INVITE with the file transfer service. */
  async handle(invite: IncomingInvite): Promise<void> {
    if (this.#isStopped) return invite.reject(480);
    let session: InvitedSession;
    try {
      session = new InvitedSession(this.#parts, invite);
    } catch (thrown) {
      const { status, headers } = refusalOf(toCodedError(thrown));
      this.#context.log(`file INVITE ${invite.callId} answered ${status}: ${toCodedError(thrown).detail}`);
      return invite.reject(status, undefined, headers);
    }
    this.#sessions.add(session);
    await session.begin();
  }

  /** @throws ParleyError `request.invalid-state` when the offer is not open any more, or asks for a file */
  accept(transferId: number): void {
    const line = this.#openLine(transferId, false);
    this.#close(line);
    this.#take(line);
  }

  /**
   * Answers a peer who asked for a file. What he named of it, hash or size, is compared with the one that was picked.
   * @throws ParleyError `request.invalid-state` when nobody waits for it any more, `file.not-asked-for`, `file.missing`, `file.unreadable`
   */
  async give(transferId: number, file: PickedFile): Promise<void> {
    const { size, hashes } = this.#openLine(transferId, true).file.offer;
    const isOther = () => new ParleyError('file.not-asked-for', `${file.name} is not what the selector describes`);
    if (size !== null && size !== file.size) throw isOther();
    const { sha1, sha256, ...found } = await hashFile(file.path);
    if (found.size !== file.size || found.modifiedAt !== file.modifiedAt)
      throw new ParleyError('file.changed', `${file.name} changed after it was chosen`);
    const known = new Map([
      ['sha-1', sha1],
      ['sha-256', sha256],
    ]);
    if (hashes.some(({ algorithm, hex }) => known.has(algorithm) && known.get(algorithm) !== hex)) throw isOther();
    const { name, type, path, modifiedAt } = file;
    const line = this.#openLine(transferId, true);
    this.#close(line);
    this.#take(line, { name, type, size: file.size, sourcePath: path, modifiedAt, sha1, sha256 });
  }

  /** @returns false when the offer is not open any more */
  async decline(transferId: number): Promise<boolean> {
    const line = this.#asked.get(transferId);
    if (!line) return false;
    this.#close(line);
    try {
      await line.file.book.apply('declined');
    } finally {
      line.refuse({ status: 603, headers: [] });
    }
    return true;
  }

  /** @returns false when no such transfer is at work here */
  cancel(transferId: number): boolean {
    return this.#stop(transferId, new ParleyError('file.cancelled', 'cancelled here'));
  }

  /** What came of it is kept. @returns false when no such transfer is at work here */
  pause(transferId: number): boolean {
    return this.#stop(transferId, new ParleyError('file.paused', 'paused here'));
  }

  stop(): void {
    this.#isStopped = true;
    for (const line of this.#running.values()) line.stop(new ParleyError('msrp.lost', 'the app is closing'));
    for (const session of [...this.#sessions]) session.stop();
  }

  /** Resolves when every transfer has its end written down and its session closed. */
  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
  }

  #openLine(transferId: number, isPull: boolean): InvitedLine {
    const line = this.#asked.get(transferId);
    if (!line || line.file.offer.pull !== isPull) throw new ParleyError('request.invalid-state', 'this offer is not open any more');
    return line;
  }

  #ask(line: InvitedLine): void {
    const older = this.#asked.get(line.transferId);
    this.#asked.set(line.transferId, line);
    older?.refuse({ status: 480, headers: [] });
  }

  #close(line: InvitedLine): void {
    if (this.#asked.get(line.transferId) === line) this.#asked.delete(line.transferId);
  }

  #take(line: InvitedLine, fields: Partial<TransferFields> = {}): void {
    const { transferId } = line;
    this.#running.set(transferId, line);
    void line.over.then(() => {
      // a later offer of the same file may run already
      if (this.#running.get(transferId) === line) this.#running.delete(transferId);
    });
    this.#track(line.accept(fields));
  }

  #stop(transferId: number, error: ParleyError): boolean {
    const line = this.#running.get(transferId);
    line?.stop(error);
    return line !== undefined;
  }

  #track(work: Promise<unknown>): void {
    const tracked: Promise<unknown> = work
      .catch((thrown) => this.#context.log(`files: ${toCodedError(thrown).detail}`))
      .finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }
}
