import type { Core } from 'sip.js';
import { Emitter } from '../../shared/base/emitter.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { readReferSub } from '../../shared/protocol/refer/refer-to.ts';
import { decodeEvent } from '../../shared/protocol/sip/event.ts';
import { header, type SipRequest } from '../../shared/protocol/sip/message.ts';
import { type AgentCore, maskedBody, privateHeaders } from './agent-core.ts';
import type { DigestAccount } from './digest.ts';
import { exchange, finalAnswer } from './exchange.ts';
import type { Identity } from './identity.ts';
import { quietly } from './message.ts';
import { ALLOW, checkHeaders, checkValue, supported } from './own-headers.ts';
import type { FinalAnswer, Header, Notification, ReferRequest, Referral } from './port.ts';
import { targetOf } from './reinvite.ts';
import { subscriptionState } from './subscription-state.ts';

interface Agent {
  readonly core: AgentCore;
  readonly digest: DigestAccount;
  readonly identity: Identity;
}

/**
 * The REFERs of one dialog and the subscriptions that each of them makes (RFC 3515 section 2.4.4). The id of the event is the CSeq of the REFER;
 * a NOTIFY without one is about the first that is still open (section 2.4.6). Nothing is refreshed: what takes longer than the other side
 * grants is not told.
 */
export class Referrals {
  readonly #open = new Map<number, OpenReferral>();

  /** @throws ParleyError `request.invalid` */
  refer(agent: Agent, session: Core.Session, contact: string, request: ReferRequest): Referral {
    checkHeaders(request.headers);
    checkValue(request.contentType, 'Content-Type');
    const referral = new OpenReferral();
    const sequences: number[] = [];
    const forget = (): void => {
      for (const sequence of sequences) this.#open.delete(sequence);
    };
    const send = async (): Promise<FinalAnswer> => {
      const { core, digest } = agent;
      const dialog = session as Core.SessionDialog;
      const plan = { method: 'REFER', uri: targetOf(session), body: request.body };
      const { response } = await exchange(core, digest, plan, (credentials) => {
        const fields = [...this.#fields(agent, contact, request), ...credentials];
        const body = request.body.length === 0 ? {} : { body: maskedBody(request.body) };
        const message = dialog.createOutgoingRequestMessage('REFER', { extraHeaders: privateHeaders(fields), ...body });
        sequences.push(message.cseq);
        this.#open.set(message.cseq, referral);
        return message;
      });
      const hasSubscription = response.status < 300 && readReferSub(header(response, 'Refer-Sub'));
      if (!hasSubscription) {
        forget();
        referral.end();
      }
      return finalAnswer(response);
    };
    const answer = send().catch((thrown) => {
      forget();
      referral.end();
      throw thrown;
    });
    // whoever only looks at what comes of it does not look at the answer
    answer.catch(() => undefined);
    return { answer, onNotify: (listener) => referral.notified.on(listener), onEnded: (listener) => referral.ended.on(listener) };
  }

  /** @returns the status of the answer */
  receive(notify: SipRequest): 200 | 481 | 489 {
    const { type, id } = eventOf(notify);
    if (type !== 'refer') return 489;
    const referral = id === null ? [...this.#open.values()][0] : this.#open.get(Number(id));
    if (referral === undefined) return 481;
    const { state } = subscriptionState(header(notify, 'Subscription-State') ?? 'active');
    if (notify.body.length > 0)
      quietly(() => referral.notified.emit({ contentType: header(notify, 'Content-Type') ?? '', body: notify.body }));
    if (state === 'terminated') {
      for (const [sequence, each] of this.#open) if (each === referral) this.#open.delete(sequence);
      referral.end();
    }
    return 200;
  }

  /** The dialog is gone, and what it was told by with it. */
  end(): void {
    const open = new Set(this.#open.values());
    this.#open.clear();
    for (const referral of open) referral.end();
  }

  #fields(agent: Agent, contact: string, request: ReferRequest): Header[] {
    return [
      { name: 'Contact', value: contact },
      ...request.headers.filter(({ name }) => name.toLowerCase() !== 'supported'),
      { name: 'Supported', value: supported(request.headers) },
      { name: 'Allow', value: `${ALLOW}, NOTIFY` },
      { name: 'User-Agent', value: agent.identity.options.userAgent },
      ...(request.body.length === 0 ? [] : [{ name: 'Content-Type', value: request.contentType }]),
    ];
  }
}

class OpenReferral {
  readonly notified = new Emitter<Notification>();
  readonly ended = new Emitter<void>();
  #isOver = false;

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    quietly(() => this.ended.emit());
  }
}

function eventOf(notify: SipRequest): { readonly type: string; readonly id: string | null } {
  try {
    const { type, id } = decodeEvent(header(notify, 'Event') ?? '');
    return { type: type.toLowerCase(), id };
  } catch (thrown) {
    if (thrown instanceof ParleyError) return { type: '', id: null };
    throw thrown;
  }
}
