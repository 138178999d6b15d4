import { type CodedError, ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { addressTitle } from '../../shared/model/address.ts';
import { CPIM_TYPE } from '../../shared/protocol/cpim/cpim.ts';
import { contactFeature, LARGE_MESSAGE } from '../../shared/protocol/cpm/names.ts';
import { largeMessageRejection } from '../../shared/protocol/cpm/rejection.ts';
import { makeOrigin } from '../../shared/protocol/sdp/file-offer.ts';
import { makeLargeMessageOffer, readLargeMessageAnswer } from '../../shared/protocol/sdp/large-message-offer.ts';
import { decodeSdp, encodeSdp, SDP_TYPE } from '../../shared/protocol/sdp/sdp.ts';
import type { MsrpEngine, MsrpSession } from '../msrp/port.ts';
import type { Header } from '../sip/port.ts';
import type { OutboxItem } from '../store/port.ts';
import type { Link, ServiceContext } from './context.ts';
import type { Inbox } from './inbox.ts';
import { answerWithin } from './invite-answer.ts';
import type { Attempt } from './outbox.ts';
import { attemptFromSession } from './session-outcome.ts';
import { messageSink } from './session-sink.ts';
import { attemptFromAnswer, originatorHeaders } from './standalone.ts';
import { chunkSizeFor } from './transfers/chunk-size.ts';

type TextItem = Extract<OutboxItem, { kind: 'text' }>;

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
  readonly #live = new Set<AbortController>();
  /** how often a message was taken as a whole and not reported, by imdn.Message-ID */
  readonly #unreported = new Map<string, number>();
  #stopped = false;

  constructor(context: ServiceContext, msrp: MsrpEngine, inbox: Inbox) {
    this.#context = context;
    this.#msrp = msrp;
    this.#inbox = inbox;
  }

  /** @param cpim the whole message/cpim */
  async send(item: TextItem, link: Link, cpim: Uint8Array): Promise<Attempt> {
    const abort = new AbortController();
    this.#live.add(abort);
    if (this.#stopped) abort.abort(closing());
    try {
      return await this.#invite(item, link, cpim, abort);
    } catch (thrown) {
      const error = toCodedError(abort.signal.aborted ? abort.signal.reason : thrown);
      this.#context.log(`large message ${item.message.id}: ${error.code} ${error.detail}`);
      return attemptFromSession(error, item.attempts);
    } finally {
      this.#live.delete(abort);
    }
  }

  /** CANCEL or BYE for all that is under way; it waits for the next start. */
  stop(): void {
    this.#stopped = true;
    for (const abort of this.#live) abort.abort(closing());
  }

  async #invite(item: TextItem, link: Link, cpim: Uint8Array, abort: AbortController): Promise<Attempt> {
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
    };
    // the peer may notify in this very session (cpm.md section 12, 10)
    const onMessage = messageSink.bind(null, this.#inbox, envelope);
    const session = this.#msrp.createSession({ onMessage, onClosed: () => undefined }, 'active');
    const place = await session.announce().catch(async (thrown) => {
      await session.close();
      throw thrown;
    });
    const offer = makeLargeMessageOffer({ origin: makeOrigin(place.address, clock.now()), place, size: cpim.length });
    const invite = link.agent.invite({
      target: item.peer,
      headers: inviteHeaders(account.address, item),
      contactParameters: contactFeature([LARGE_MESSAGE]),
      contentType: SDP_TYPE,
      body: encodeSdp(offer),
    });
    const end = () => void invite.end().catch((thrown) => log(`ending a large message: ${toCodedError(thrown).detail}`));
    signal.addEventListener('abort', end, { once: true });
    invite.onEnded((cause) => {
      // a broken SIP flow does not stop octets that flow beside it
      if (cause.by === 'remote') abort.abort(new ParleyError('peer.unavailable', 'the other side ended the session'));
    });
    try {
      const answer = await answerWithin(ANSWER_WITHIN_MS, invite, clock, abort);
      if (answer.status >= 300) return attemptFromAnswer(answer, largeMessageRejection);
      const { remotePath } = readLargeMessageAnswer(offer, decodeSdp(answer.body));
      await session.connect({ role: 'active', remotePath, signal });
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
        if (isTaken && this.#hasItUnreported(imdnId, toCodedError(thrown))) resolve();
        else reject(thrown);
      });
    }).finally(() => cancelTimer());
  }

  #hasItUnreported(imdnId: string, error: CodedError): boolean {
    const wentAway = error.code === 'msrp.lost' || error.code === 'file.cancelled';
    if (!wentAway || this.#stopped) return false;
    const times = (this.#unreported.get(imdnId) ?? 0) + 1;
    if (times < UNREPORTED_TRIES) this.#unreported.set(imdnId, times);
    else this.#unreported.delete(imdnId);
    return times >= UNREPORTED_TRIES;
  }
}

/** Header fields of the INVITE beyond SIP's own (flow F04-01). */
function inviteHeaders(address: string, item: TextItem): Header[] {
  return [
    ...originatorHeaders(LARGE_MESSAGE, address, item),
    { name: 'Accept', value: SDP_TYPE },
    { name: 'Content-Disposition', value: 'session' },
  ];
}

function closing(): ParleyError {
  return new ParleyError('link.offline', 'the app is closing');
}
