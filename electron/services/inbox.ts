import { type CodedError, ParleyError } from '../../shared/base/errors.ts';
import { MAX_TEXT } from '../../shared/ipc/contract.ts';
import { canonicalAddress } from '../../shared/model/address.ts';
import { kindOfKey, type Member } from '../../shared/model/audience.ts';
import type { CpimMessage } from '../../shared/protocol/cpim/cpim.ts';
import { cpimAddress, cpimAnswers, cpimDateTime, formatDateTime, imdnRequest } from '../../shared/protocol/cpim/cpim-message.ts';
import { decodeImdn } from '../../shared/protocol/imdn/imdn.ts';
import type { Answered, Notify } from '../store/port.ts';
import { groupOf } from './audience.ts';
import { meet } from './contacts.ts';
import type { ServiceContext } from './context.ts';
import { type Envelope, type GroupPlace, senderOf } from './envelope.ts';
import { type Author, authorOf } from './groups/authors.ts';
import { type Content, readBody } from './reading.ts';
import { NOTHING_ASKED, notificationsIn, notifyOf, takeNotifications } from './receipts.ts';
import type { StrangerRoom } from './stranger-room.ts';

/** Hears who is typing; nothing of that is kept. */
export interface TypingListener {
  /** @throws ParleyError `xml.*` */
  take(peer: string, document: Uint8Array, who?: Member | null): void;
  ended(peer: string, who?: Member | null): void;
}

/** Takes in what arrives, by whatever way. When {@link take} resolves it is on disk, and a notification that was asked for with it. */
export class Inbox {
  readonly #context: ServiceContext;
  readonly #outboxChanged: () => void;
  readonly #typing: TypingListener;
  readonly #room: StrangerRoom;

  constructor(context: ServiceContext, outboxChanged: () => void, typing: TypingListener, room: StrangerRoom) {
    this.#context = context;
    this.#outboxChanged = outboxChanged;
    this.#typing = typing;
    this.#room = room;
  }

  /** Whether a text of so many octets would be kept; a stranger may send so much and no more. */
  hasRoom({ peer, aliases, group }: Envelope, octets: number): boolean {
    // of a group that this person entered
    return group !== undefined || this.#room.has([peer, ...aliases], octets);
  }

  /**
   * @throws ParleyError `peer.unsupported` for a type nobody could read here, `peer.too-large`, `*.malformed`, `*.too-large`; `store.*` when it could not
   * be kept; NoRoom for what a stranger sends above their measure
   */
  async take(envelope: Envelope, contentType: string, body: Uint8Array): Promise<void> {
    // a session may have begun before
    if (this.#context.contacts.isBlocked([envelope.peer, ...envelope.aliases])) return;
    const { cpim, content, recipients } = readBody(contentType, body);
    if (envelope.group) return this.#takeInGroup(envelope, envelope.group, cpim, content);
    switch (content.kind) {
      case 'composing':
        return this.#typing.take(envelope.peer, content.octets);
      case 'notification':
        await meet(this.#context, envelope);
        await takeNotifications(this.#context, envelope.peer, cpim === null ? [decodeImdn(content.octets)] : notificationsIn(cpim));
        return this.#outboxChanged();
      case 'text':
        this.#count(envelope, body.length);
        return this.#takeText(envelope, cpim, recipients, content.text, undefined);
      case 'unreadable':
        this.#count(envelope, body.length);
        return this.#takeText(envelope, cpim, recipients, '', content.error);
    }
  }

  /** @throws ParleyError `peer.malformed` for what nobody has written */
  async #takeInGroup(envelope: Envelope, group: GroupPlace, cpim: CpimMessage | null, content: Content): Promise<void> {
    const author = cpim === null ? null : authorOf(this.#context, cpim);
    if (cpim === null || author === null) throw new ParleyError('peer.malformed', 'in a group, from nobody');
    const isBlocked = this.#context.contacts.isBlocked([author.address]);
    switch (content.kind) {
      case 'composing':
        if (!isBlocked && !author.isSelf) this.#typing.take(envelope.peer, content.octets, author);
        return;
      case 'notification':
        if (!isBlocked && !author.isSelf) await takeNotifications(this.#context, author.address, notificationsIn(cpim));
        return this.#outboxChanged();
      case 'text':
      case 'unreadable':
        return this.#takeGroupText(envelope, group, cpim, content, author);
    }
  }

  async #takeGroupText(
    envelope: Envelope,
    { conversationId }: GroupPlace,
    cpim: CpimMessage,
    content: Extract<Content, { kind: 'text' | 'unreadable' }>,
    { isSelf, ...author }: Author,
  ): Promise<void> {
    const { store, notices, clock } = this.#context;
    const now = clock.now();
    const text = content.kind === 'text' ? content.text : '';
    if (text.length > MAX_TEXT) throw new ParleyError('peer.too-large', `${text.length} characters`);
    const { notify, ...about } = named(this.#context, { ...envelope, peer: author.address }, cpim, now);
    const row = { ...about, conversationId, contributionId: envelope.contributionId, text, now };
    const error = content.kind === 'unreadable' ? content.error : undefined;
    const rows = isSelf ? await store.noteOwnInGroup(row) : await store.receiveInGroup({ ...row, author, notify, error });
    this.#typing.ended(envelope.peer, author);
    if (!('duplicate' in rows && rows.duplicate)) notices.changed(rows);
    this.#outboxChanged();
  }

  /** What the person asked for is not too much. @throws NoRoom */
  #count({ peer, aliases, kept }: Envelope, octets: number): void {
    if (kept !== 'fetched') this.#room.take([peer, ...aliases], octets);
  }

  /** @param error why it cannot be read */
  async #takeText(
    envelope: Envelope,
    cpim: CpimMessage | null,
    recipients: readonly string[],
    text: string,
    error: CodedError | undefined,
  ): Promise<void> {
    if (text.length > MAX_TEXT) throw new ParleyError('peer.too-large', `${text.length} characters`);
    const { store, notices, clock } = this.#context;
    const now = clock.now();
    const rows = await store.receiveText({
      ...senderOf(this.#context, envelope),
      ...{ replyTo: envelope.replyTo, text, error, now, deferred: envelope.kept !== undefined },
      ...(cpim === null ? unnamed(envelope, now) : named(this.#context, envelope, cpim, now)),
      alsoTo: this.#others(envelope, cpim, recipients),
    });
    await this.#context.contacts.heard(envelope);
    this.#typing.ended(envelope.peer);
    notices.changed(rows.duplicate ? { merged: rows.merged } : rows);
    this.#outboxChanged();
  }

  /** Everybody who got it but its author and this person; where it went to a group, that. */
  #others({ peer, aliases, alsoTo }: Envelope, cpim: CpimMessage | null, recipients: readonly string[]): string[] {
    const { account } = this.#context;
    const to = cpim === null ? null : canonicalAddress(cpimAddress(cpim, 'To')?.uri ?? '');
    if (to !== null && groupOf(account, to)) return [to];
    const here = [peer, ...aliases, canonicalAddress(account.address)];
    return [...new Set([...alsoTo, ...recipients])].filter((address) => !here.includes(address));
  }
}

interface About {
  readonly imdnId: string;
  readonly answers: Answered;
  readonly sentAt: number;
  readonly notify: Notify;
}

function unnamed({ fallbackId, answersContribution, date }: Envelope, now: number): About {
  const answers = { imdnId: null, contributionId: answersContribution };
  return { imdnId: fallbackId, answers, sentAt: Math.min(date ?? now, now), notify: NOTHING_ASKED };
}

function named(context: ServiceContext, envelope: Envelope, cpim: CpimMessage, now: number): About {
  const request = imdnRequest(cpim);
  const dateTime = cpimDateTime(cpim);
  // there is nobody to tell where nobody says who it is
  const asked = kindOfKey(envelope.peer) === null ? request : null;
  return {
    imdnId: request.messageId ?? envelope.fallbackId,
    answers: { imdnId: cpimAnswers(cpim), contributionId: envelope.answersContribution },
    sentAt: dateTime.time ?? now,
    notify: notifyOf(context, asked, envelope.originInstance, dateTime.text ?? formatDateTime(now)),
  };
}
