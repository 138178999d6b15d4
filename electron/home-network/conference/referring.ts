import { headers } from '../../../shared/protocol/sip/message.ts';
import { type Leg, legFrom } from '../leg.ts';
import { isPrivate } from '../relay-headers.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { HomeGroup, HomeUser } from '../settings.ts';
import type { TransactionLayer } from '../transactions.ts';
import { type Answers, CLOSED, NOT_AUTHORISED, type Refused } from './answers.ts';
import type { Conference } from './conference.ts';
import { focusContact } from './invite.ts';
import type { People } from './people.ts';
import type { ConferencePolicy } from './policy.ts';
import { type Order, ReferReport, readRefer } from './refer.ts';
import { belonging, belongs } from './state.ts';

interface Parts {
  readonly layer: () => TransactionLayer;
  readonly policy: ConferencePolicy;
  readonly answers: Answers;
  readonly people: People;
  /** the pre-defined group whose session it is */
  readonly groupOf: (conference: Conference) => HomeGroup | null;
}

/** Adding people to a group and taking them out of it, by REFER (cpm.md section 9, flow F10). */
export class Referring {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Outside of a dialog: of a member, or a stranger's. */
  outside(transaction: ServerTransaction, sender: HomeUser, conference: Conference | null): void {
    if (conference === null) transaction.respond(404);
    else if (transaction.essentials.fromTag === null) transaction.respond(400, { reason: 'No From tag' });
    else this.inside(conference, transaction, sender, legFrom(transaction, sender));
  }

  inside(conference: Conference, transaction: ServerTransaction, sender: HomeUser, leg: Leg): void {
    try {
      const asked = readRefer(transaction.request);
      if ('status' in asked) {
        this.#parts.answers.refuse(transaction, asked);
        return;
      }
      const own = this.#parts.people.addressOf(sender);
      const refused = this.#refusalOf(conference, own, asked.orders, isPrivate(transaction.request));
      if (refused !== null) {
        this.#parts.answers.refuse(transaction, refused);
        return;
      }
      void this.#carryOut(conference, transaction, { own, leg, ...asked }).catch((thrown) =>
        this.#parts.answers.failed(transaction, thrown),
      );
    } catch (thrown) {
      this.#parts.answers.failed(transaction, thrown);
    }
  }

  #refusalOf(conference: Conference, own: string, orders: readonly Order[], isHidden: boolean): Refused | null {
    const { answers, people, policy } = this.#parts;
    const deny = (text: string): Refused => answers.denial(text);
    const me = conference.participant(own);
    if (me === null || !belongs(me)) return deny(NOT_AUTHORISED);
    if (orders.length === 0) return { status: 400, reason: 'Nobody is named' };
    const group = this.#parts.groupOf(conference);
    if (isHidden && group?.refusesAnonymous) return deny('Anonymity not allowed');
    const removals = orders.filter(({ isRemoval }) => isRemoval).map((order) => people.memberOf(conference.state, order));
    if (removals.length > 0 && removals.every((address) => address === null)) return { status: 404 };
    if (removals.some((address) => address !== null && address !== own) && !conference.mayRemove(own))
      return deny('Only who has begun the group removes people');
    const additions = people.newcomers(orders.filter(({ isRemoval }) => !isRemoval)).filter(({ who }) => !isIn(conference, who.address));
    if (additions.length === 0) return null;
    if (conference.about.isClosed) return deny(CLOSED);
    const goes = new Set(removals).size;
    return belonging(conference.state).length + additions.length - goes > policy.maxUsers ? deny(answers.tooMany) : null;
  }

  async #carryOut(
    conference: Conference,
    transaction: ServerTransaction,
    {
      own,
      leg,
      orders,
      isReported,
    }: { readonly own: string; readonly leg: Leg; readonly orders: readonly Order[]; readonly isReported: boolean },
  ): Promise<void> {
    const { layer, people } = this.#parts;
    const removed = orders.filter(({ isRemoval }) => isRemoval).flatMap((order) => people.memberOf(conference.state, order) ?? []);
    const added = people.newcomers(orders.filter(({ isRemoval }) => !isRemoval));
    const fresh = added.filter(({ who }) => !isIn(conference, who.address));
    await Promise.all([
      removed.includes(own) ? conference.leave(own) : null,
      conference.remove(removed.filter((address) => address !== own)),
      conference.add(
        fresh.map(({ who }) => who),
        own,
      ),
    ]);
    const contact = focusContact(conference.about);
    const recordRoutes = headers(transaction.request, 'Record-Route').map((value) => ({ name: 'Record-Route', value }));
    transaction.respond(202, { headers: [...recordRoutes, contact, { name: 'Refer-Sub', value: String(isReported) }] });
    const report = isReported ? new ReferReport(layer(), leg, transaction.essentials.sequence, contact) : null;
    report?.tell(100, 'Trying');
    await Promise.all(added.map(({ who, replaces }) => conference.ask(who.address, replaces)));
    if (report !== null) this.#report(conference, report, added[0]?.who.address ?? null);
  }

  /** @param asked of the one who was asked in; null: somebody was taken out, and is */
  #report(conference: Conference, report: ReferReport, asked: string | null): void {
    if (asked === null) {
      report.tell(200, 'OK');
      return;
    }
    const isTold = (): boolean => {
      const who = conference.participant(asked);
      if (who === null || who.standing === 'removed' || who.standing === 'left') report.tell(487, 'Request Terminated');
      else if (who.standing === 'member') report.tell(200, 'OK');
      else if (who.missed !== null) report.tell(who.missed.status, who.missed.reason);
      // he is away: the network asks him when he comes
      else if (who.ringing === null) report.tell(202, 'Accepted');
      else return false;
      return true;
    };
    if (!isTold()) conference.await(({ address }) => address === asked && isTold());
  }
}

function isIn(conference: Conference, address: string): boolean {
  const who = conference.participant(address);
  return who !== null && belongs(who);
}
