import { type CodedError, ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { addressTitle } from '../../shared/model/address.ts';
import { CPIM_TYPE } from '../../shared/protocol/cpim/cpim.ts';
import { contactFeature, LARGE_MESSAGE } from '../../shared/protocol/cpm/names.ts';
import { largeMessageRejection, listRejection } from '../../shared/protocol/cpm/rejection.ts';
import { makeOrigin } from '../../shared/protocol/sdp/file-offer.ts';
import { makeLargeMessageOffer, readLargeMessageAnswer } from '../../shared/protocol/sdp/large-message-offer.ts';
import { decodeSdp, encodeSdp, SDP_TYPE } from '../../shared/protocol/sdp/sdp.ts';
import type { MsrpEngine, MsrpSession } from '../msrp/port.ts';
import type { OutgoingRequest } from '../sip/port.ts';
import type { Link, ServiceContext } from './context.ts';
import type { Inbox } from './inbox.ts';
import { answerWithin } from './invite-answer.ts';
import type { Attempt } from './outbox.ts';
import { RECIPIENT_LIST_INVITE, withRecipients } from './recipient-body.ts';
import { attemptFromSession } from './session-outcome.ts';
import { messageSink } from './session-sink.ts';
import { attemptFromAnswer, type Destination, type TextItem, textHeaders } from './standalone.ts';
import { chunkSizeFor } from './transfers/chunk-size.ts';

/** longer than the 60 s in which a person who is asked answers (cpm.md section 15.3); then CANCEL */
const ANSWER_WITHIN_MS = 90_000;
/** A peer that has answered every chunk and sends no REPORT for this long sends none (RFC 4975 section 7.1.4 asks it to). */
const REPORT_WITHIN_MS = 30_000;
/** who took all of a message so often, and went away each time without a REPORT, has it */
const UNREPORTED_TRIES = 3;

/**
 * Texts that are too large for a MESSAGE: one INVITE, one MSRP message, BYE (seed 004 7.2.2, cpm.md section 5). The other side has the text
 * when it reports so. Whatever breaks before that is tried again with the same imdn.Message-ID, by which the receiver knows what it has.
 */
export class LargeMessages {
  readonly #context: ServiceContext;
  readonly #msrp: MsrpEngine;
  readonly #inbox: Inbox;
  /** by the id of the message that is under way */
  readonly #live = new Map<number, AbortController>();
  /** how often a message was taken as a whole and not reported, by imdn.Message-ID */
  readonly #unreported = new Map<string, number>();
  #stopped = false;

  constructor(context: ServiceContext, msrp: MsrpEngine, inbox: Inbox) {
    this.#context = context;
    this.#msrp = msrp;
    this.#inbox = inbox;
  }

  /** messages that are under way and can still be cancelled */
  get underWay(): number[] {
    return [...this.#live.keys()];
  }

  /**
   * The person gives up: CANCEL before the final answer (R-LM-20), afterwards the message is ended with `#` and the session with BYE.
   * @returns false when it is not under way
   */
  cancel(messageId: number): boolean {
    const abort = this.#live.get(messageId);
    abort?.abort(new ParleyError('message.cancelled', 'by the person'));
    return abort !== undefined;
  }

  /** @param cpim the whole message/cpim */
  async send(item: TextItem, link: Link, destination: Destination, cpim: Uint8Array): Promise<Attempt> {
    const abort = new AbortController();
    this.#live.set(item.message.id, abort);
    this.#tellUnderWay();
    if (this.#stopped) abort.abort(closing());
    try {
      return await this.#invite(item, link, destination, cpim, abort);
    } catch (thrown) {
      const error = toCodedError(abort.signal.aborted ? abort.signal.reason : thrown);
      this.#context.log(`large message ${item.message.id}: ${error.code} ${error.detail}`);
      return attemptFromSession(error, item.attempts);
    } finally {
      this.#live.delete(item.message.id);
      this.#tellUnderWay();
    }
  }

  /** CANCEL or BYE for all that is under way; it waits for the next start. */
  stop(): void {
    this.#stopped = true;
    for (const abort of this.#live.values()) abort.abort(closing());
  }

  #tellUnderWay(): void {
    this.#context.notices.tell('messages.cancellable', { messageIds: this.underWay });
  }

  async #invite(item: TextItem, link: Link, destination: Destination, cpim: Uint8Array, abort: AbortController): Promise<Attempt> {
    const { signal } = abort;
    signal.throwIfAborted();
    const { account, clock, log } = this.#context;
    const envelope = {
      peer: item.peer,
      aliases: [],
      route: null,
      title: addressTitle(item.peer),
      cpmConversationId: item.cpmConversationId,
      contributionId: item.contributionId,
      originInstance: null,
      answersContribution: null,
      fallbackId: '',
      replyTo: null,
      alsoTo: [],
    };
    // the peer may notify in this very session (cpm.md section 12, 10)
    const onMessage = messageSink.bind(null, this.#inbox, envelope);
    const session = this.#msrp.createSession({ onMessage, onClosed: () => undefined }, 'active');
    const place = await session.announce().catch(async (thrown) => {
      await session.close();
      throw thrown;
    });
    const offer = makeLargeMessageOffer({ origin: makeOrigin(place.address, clock.now()), place, size: cpim.length });
    const invite = link.agent.invite(inviteRequest(account.address, item, destination, encodeSdp(offer)));
    const end = () => void invite.end().catch((thrown) => log(`ending a large message: ${toCodedError(thrown).detail}`));
    let isAnswered = false;
    // what the person cancels while octets flow is ended with `#` first
    const abandon = () => (isAnswered && isCancelled(signal) ? undefined : end());
    signal.addEventListener('abort', abandon, { once: true });
    invite.onEnded((cause) => {
      // a broken SIP flow does not stop octets that flow beside it
      if (cause.by === 'remote') abort.abort(new ParleyError('peer.unavailable', 'the other side ended the session'));
    });
    try {
      const answer = await answerWithin(ANSWER_WITHIN_MS, invite, clock, abort);
      isAnswered = true;
      if (answer.status >= 300) return attemptFromAnswer(answer, destination.recipients.length > 0 ? ofList : largeMessageRejection);
      const { remotePath, fingerprint } = readLargeMessageAnswer(offer, decodeSdp(answer.body));
      await session.connect({ role: 'active', remotePath, fingerprint, signal });
      await this.#deliver(session, item.message.imdnId, cpim, chunkSizeFor(answer.headers), signal);
      return { kind: 'accepted' };
    } finally {
      // a message on its way is ended with `#` first, and BYE follows
      await session.close();
      end();
    }
  }

  /** Resolves when the other side has the message. */
  #deliver(session: MsrpSession, imdnId: string, cpim: Uint8Array, chunkSize: number, signal: AbortSignal): Promise<void> {
    let isTaken = false;
    let cancelTimer: () => void = () => undefined;
    return new Promise<void>((resolve, reject) => {
      const onProgress = (acknowledged: number) => {
        if (acknowledged < cpim.length || isTaken) return;
        isTaken = true;
        cancelTimer = this.#context.clock.after(REPORT_WITHIN_MS, resolve);
      };
      session.send({ contentType: CPIM_TYPE, source: cpim, successReport: true, chunkSize, signal, onProgress }).then(resolve, (thrown) => {
        if (isTaken && this.#hasItUnreported(imdnId, toCodedError(thrown), isCancelled(signal))) resolve();
        else reject(thrown);
      });
    }).finally(() => cancelTimer());
  }

  #hasItUnreported(imdnId: string, error: CodedError, isCancelled: boolean): boolean {
    const wentAway = error.code === 'msrp.lost' || error.code === 'file.cancelled';
    if (!wentAway || this.#stopped || isCancelled) return false;
    const times = (this.#unreported.get(imdnId) ?? 0) + 1;
    if (times < UNREPORTED_TRIES) this.#unreported.set(imdnId, times);
    else this.#unreported.delete(imdnId);
    return times >= UNREPORTED_TRIES;
  }
}

/** The INVITE but for what is SIP's own (flow F04-01); one to several has their list beside the offer (RFC 5366). */
function inviteRequest(address: string, item: TextItem, { target, recipients }: Destination, sdp: Uint8Array): OutgoingRequest {
  const isList = recipients.length > 0;
  return {
    target,
    headers: [
      ...textHeaders(LARGE_MESSAGE, address, item),
      { name: 'Accept', value: SDP_TYPE },
      isList ? { name: 'Require', value: RECIPIENT_LIST_INVITE } : { name: 'Content-Disposition', value: 'session' },
    ],
    contactParameters: contactFeature([LARGE_MESSAGE]),
    ...(isList ? withRecipients({ type: SDP_TYPE, body: sdp }, recipients) : { contentType: SDP_TYPE, body: sdp }),
  };
}

function ofList(...answer: Parameters<typeof largeMessageRejection>) {
  return listRejection(answer[0], answer[1], largeMessageRejection);
}

function isCancelled(signal: AbortSignal): boolean {
  return signal.aborted && toCodedError(signal.reason).code === 'message.cancelled';
}

function closing(): ParleyError {
  return new ParleyError('link.offline', 'the app is closing');
}
