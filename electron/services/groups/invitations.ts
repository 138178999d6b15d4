import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { addressTitle } from '../../../shared/model/address.ts';
import type { Member } from '../../../shared/model/audience.ts';
import { companyTitle } from '../../../shared/model/group.ts';
import { CHAT_SESSION, contactFeature } from '../../../shared/protocol/cpm/names.ts';
import type { MsrpEngine } from '../../msrp/port.ts';
import type { IncomingInvite } from '../../sip/port.ts';
import type { StoredGroup, StoredParticipant } from '../../store/port.ts';
import { type ReadOffer, readInvitation } from '../chat/accept-chat.ts';
import type { ServiceContext } from '../context.ts';
import { Unacceptable } from '../session-body.ts';
import { promptTime } from '../transfers/prompt-time.ts';
import type { GroupBook } from './group-book.ts';
import { type GroupInvitation, isTrusted, readGroupInvitation } from './invitation.ts';

/** cpm.md section 15.3: whoever has not answered by then is asked again later, and may come by himself at any time */
const PROMPT_MS = 60_000;

export interface InvitationsPorts {
  readonly book: GroupBook;
  /** 200; resolves when the session is up */
  readonly adopt: (group: StoredGroup, invite: IncomingInvite, offer: ReadOffer) => Promise<void>;
  /** another device of this person has accepted */
  readonly acceptedElsewhere: (conversationId: number) => void;
  /** the conversation of the chat with that Contribution-ID, while it is open */
  readonly replaced: (contributionId: string) => Promise<number | null>;
}

interface Ringing {
  readonly invite: IncomingInvite;
  readonly offer: ReadOffer;
  readonly cancelTimer: () => void;
}

/**
 * What comes from a focus (cpm.md section 8.3): a group that this person is in is entered again without a question, one that was left hears 603
 * once, everything else is a row that stays until it is answered, whether it rings or not.
 */
export class GroupInvitations {
  readonly #context: ServiceContext;
  readonly #msrp: Pick<MsrpEngine, 'address'>;
  readonly #ports: InvitationsPorts;
  readonly #ringing = new Map<number, Ringing>();

  constructor(context: ServiceContext, msrp: Pick<MsrpEngine, 'address'>, ports: InvitationsPorts) {
    this.#context = context;
    this.#msrp = msrp;
    this.#ports = ports;
  }

  async invited(invite: IncomingInvite): Promise<void> {
    try {
      const invitation = readGroupInvitation(invite, this.#context.account);
      await this.#decide(invite, invitation, readInvitation(invite, CHAT_SESSION, this.#msrp.address.host));
    } catch (thrown) {
      const error = toCodedError(thrown);
      this.#context.log(`INVITE ${invite.callId} of a group: ${error.code} ${error.detail}`);
      if (error.code.startsWith('store.')) invite.reject(500, undefined, [{ name: 'Retry-After', value: '60' }]);
      else if (thrown instanceof Unacceptable) invite.reject(thrown.status, undefined, thrown.headers);
      else if (error.code === 'request.invalid-state') invite.reject(486);
      else invite.reject(error.code === 'link.offline' ? 480 : error.code === 'peer.malformed' ? 400 : 488);
      await invite.end().catch(() => undefined);
    }
  }

  /** The person accepts while it rings. @returns null where it does not ring (any more) */
  take(conversationId: number): Pick<Ringing, 'invite' | 'offer'> | null {
    const ringing = this.#ringing.get(conversationId);
    this.#ringing.delete(conversationId);
    ringing?.cancelTimer();
    return ringing ?? null;
  }

  /** @returns whether it rang: somebody heard the 603 */
  decline(conversationId: number): boolean {
    const ringing = this.take(conversationId);
    ringing?.invite.reject(603, 'Decline');
    return ringing !== null;
  }

  stop(): void {
    for (const conversationId of [...this.#ringing.keys()]) this.take(conversationId)?.invite.reject(480);
  }

  async #decide(invite: IncomingInvite, invitation: GroupInvitation, offer: ReadOffer): Promise<void> {
    const { store, contacts } = this.#context;
    const { book, adopt } = this.#ports;
    const { inviter } = invitation;
    const known = (await store.groupBy({ contributionId: invitation.contributionId })) ?? (await store.groupBy({ peer: invitation.peer }));
    const isBlocked = known !== null && (await store.conversation(known.conversationId)).blocked;
    if (isBlocked || (inviter !== null && contacts.isBlocked([inviter.address]))) return invite.reject(603, 'Decline');
    if (known?.refusesNext) {
      await book.change(known.conversationId, { fields: { refusesNext: false } });
      return invite.reject(603, 'Decline');
    }
    const isIn = known?.standing === 'member' || known?.standing === 'starting';
    if (known !== null && isIn && isTrusted(known, invitation, invite))
      return adopt({ ...known, identity: invitation.identity }, invite, offer);
    const chat = invitation.replaces === null ? null : await this.#ports.replaced(invitation.replaces);
    const group = await this.#written(known, invitation, chat !== null);
    if (chat !== null) await this.#extended(chat, group, invite, offer);
    else this.#ring(group.conversationId, invite, offer);
  }

  /** One is a row, however often it rings. @param isExpected nobody has to be told */
  async #written(known: StoredGroup | null, invitation: GroupInvitation, isExpected: boolean): Promise<StoredGroup> {
    const { book } = this.#ports;
    const { identity, inviter, subject, contributionId, cpmConversationId } = invitation;
    const participants = this.#people(invitation);
    const title = subject || companyTitle(participants);
    const line = { what: 'invited', people: [], by: inviter, notice: !isExpected } as const;
    const fields = { identity, subject, contributionId, standing: 'invited', invitedBy: inviter, error: null } as const;
    if (known === null || (known.standing === 'outside' && known.contributionId === '')) {
      const { settings, contacts } = this.#context;
      const asRequest = settings.current.requests && !(inviter && contacts.names.has(inviter.address));
      const row = { peer: invitation.peer, title, cpmConversationId, asRequest, participants, event: line };
      return book.begin({ ...row, fields: { ...fields, address: invitation.address } });
    }
    const isNews = known.standing !== 'invited';
    return book.change(known.conversationId, {
      fields,
      cpmConversationId,
      title: subject || undefined,
      participants: known.participants.length === 0 ? participants : undefined,
      events: isNews ? [line] : [],
    });
  }

  #people({ people, inviter }: GroupInvitation): StoredParticipant[] {
    const { contacts, account } = this.#context;
    const named = (address: string): StoredParticipant => ({
      ...{ entity: address, address, isSelf: false, roles: [] },
      name: contacts.names.get(address) ?? (inviter?.address === address ? inviter.name : addressTitle(address)),
      presence: inviter?.address === address ? 'in' : 'invited',
    });
    const self: StoredParticipant = {
      ...{ entity: account.address, address: account.address, name: account.displayName, isSelf: true, roles: [] },
      presence: 'invited',
    };
    return [self, ...people.map(named)];
  }

  /** It takes the place of a chat that is open: nobody is asked (cpm.md section 8.6). */
  async #extended(chatId: number, group: StoredGroup, invite: IncomingInvite, offer: ReadOffer): Promise<void> {
    await this.#ports.adopt(group, invite, offer);
    await this.noteExtended(chatId, group);
  }

  /** A line in both threads. */
  async noteExtended(chatId: number, { conversationId, participants }: StoredGroup): Promise<void> {
    const { store, notices, clock } = this.#context;
    const people = participants
      .filter(({ isSelf }) => !isSelf)
      .map(({ address, entity, name }): Member => ({ address: address ?? entity, name }));
    const event = { what: 'extended', people, by: null } as const;
    for (const id of [chatId, conversationId]) notices.changed(await store.noteEvent({ conversationId: id, event, now: clock.now() }));
  }

  #ring(conversationId: number, invite: IncomingInvite, offer: ReadOffer): void {
    // the one before is an invitation to the same
    this.take(conversationId)?.invite.reject(486);
    const cancelTimer = this.#context.clock.after(Math.min(PROMPT_MS, promptTime(invite.headers)), () => {
      if (this.#ringing.get(conversationId)?.invite === invite) this.#ringing.delete(conversationId);
      invite.reject(480);
    });
    this.#ringing.set(conversationId, { invite, offer, cancelTimer });
    invite.onCancelled(({ elsewhere }) => {
      if (this.#ringing.get(conversationId)?.invite !== invite) return;
      this.take(conversationId);
      if (elsewhere) this.#ports.acceptedElsewhere(conversationId);
    });
    invite.ring(contactFeature([CHAT_SESSION]));
  }
}

/** @throws ParleyError `request.invalid-state`: there is no invitation that could be answered */
export function checkInvited({ standing }: Pick<StoredGroup, 'standing'>): void {
  if (standing !== 'invited') throw new ParleyError('request.invalid-state', standing);
}
