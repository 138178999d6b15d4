import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { messageRejection } from '../../../shared/protocol/cpm/rejection.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { readChatAnswer } from '../../../shared/protocol/sdp/chat-offer.ts';
import { makeDeferredOffer } from '../../../shared/protocol/sdp/deferred-offer.ts';
import { makeOrigin } from '../../../shared/protocol/sdp/file-offer.ts';
import { decodeSdp, encodeSdp } from '../../../shared/protocol/sdp/sdp.ts';
import type { IncomingHead, MessageSink, MsrpEngine, MsrpSession } from '../../msrp/port.ts';
import type { OrderedItem } from '../../store/port.ts';
import type { Link, ServiceContext } from '../context.ts';
import type { Inbox } from '../inbox.ts';
import { answerWithin } from '../invite-answer.ts';
import { gatheringSink } from '../session-sink.ts';
import { readKept } from './kept-message.ts';
import { fetchRequest } from './request.ts';

/** the network answers by itself; nobody is asked */
const ANSWER_WITHIN_MS = 32_000;
/** The network has taken the orders, and then nothing comes, nor does it end the session. */
const SILENT_AFTER_MS = 60_000;
/** a connection that ends and the BYE that says why may come in either order */
const BYE_WITHIN_MS = 2_000;

/** What became of one request. */
export type RetrievalEnd =
  /** the network has sent what it would, and ended the session */
  | { readonly kind: 'done' }
  /** the link or the session broke, or the network would be asked later: what did not come is asked for again */
  | { readonly kind: 'broken'; readonly error: CodedError; readonly retryAfterMs: number | null }
  /** another try will not change the answer */
  | { readonly kind: 'refused'; readonly error: CodedError };

export interface RetrievalPorts {
  /** the network takes the orders: those it carries out by itself are carried out */
  readonly accepted: () => void;
  /** a message is on disk; `item` is the one that it was listed as, where that is known */
  readonly arrived: (item: OrderedItem | null) => void;
}

/**
 * One session with the home network in which what waits is dealt with (seed 004 7.2.6.2, cpm.md section 11.2, F20): INVITE, and messages one after
 * the other over MSRP, as many at once as the store takes.
 */
export class Retrieval {
  readonly #context: ServiceContext;
  readonly #inbox: Inbox;
  readonly #ports: RetrievalPorts;
  readonly #abort = new AbortController();
  /** to be delivered and not here yet, in the order of the list; null: everything, whatever it is */
  readonly #expected: OrderedItem[];
  readonly #storing = new Set<Promise<void>>();
  #cancelSilence: () => void = () => undefined;

  constructor(context: ServiceContext, inbox: Inbox, expected: readonly OrderedItem[], ports: RetrievalPorts) {
    this.#context = context;
    this.#inbox = inbox;
    this.#ports = ports;
    this.#expected = [...expected];
  }

  /** Ends it; what came stays. */
  stop(): void {
    this.#abort.abort(new ParleyError('link.offline', 'stopped'));
  }

  /** @param choices what is asked for; none: all of it */
  async run(link: Link, msrp: MsrpEngine, choices: readonly OrderedItem[]): Promise<RetrievalEnd> {
    let session: MsrpSession | null = null;
    try {
      session = msrp.createSession({
        onMessage: (head) => this.#onMessage(head),
        onClosed: (error) => void this.#context.clock.after(BYE_WITHIN_MS, () => this.#abort.abort(error)),
      });
      return await this.#talk(link, session, choices);
    } catch (thrown) {
      return { kind: 'broken', error: toCodedError(this.#abort.signal.aborted ? this.#abort.signal.reason : thrown), retryAfterMs: null };
    } finally {
      this.#cancelSilence();
      await session?.close();
      await Promise.allSettled(this.#storing);
    }
  }

  async #talk(link: Link, session: MsrpSession, choices: readonly OrderedItem[]): Promise<RetrievalEnd> {
    const { account, clock, log } = this.#context;
    const { signal } = this.#abort;
    const place = await session.announce();
    signal.throwIfAborted();
    const offer = makeDeferredOffer({ origin: makeOrigin(place.address, clock.now()), place });
    const orders = choices.map(({ uri, order }) => ({ uri, action: order }));
    const invite = link.agent.invite(fetchRequest(account.address, encodeSdp(offer), orders));
    const end = () => void invite.end().catch((thrown) => log(`ending a retrieval: ${toCodedError(thrown).detail}`));
    const over = new Promise<RetrievalEnd>((resolve) => {
      invite.onEnded(({ by, error }) => {
        if (by === 'remote') resolve({ kind: 'done' });
        else resolve({ kind: 'broken', error: error ?? { code: 'link.lost', detail: 'the dialog is gone' }, retryAfterMs: null });
      });
    });
    try {
      const answer = await answerWithin(ANSWER_WITHIN_MS, invite, clock, this.#abort);
      if (answer.status >= 300) return refusalOf(answer.status, answer.reason, answer.headers);
      this.#ports.accepted();
      const { role, remotePath, via, fingerprint } = readChatAnswer(offer, decodeSdp(answer.body));
      this.#listen();
      await Promise.race([session.connect({ role, remotePath, via, fingerprint, signal }), over]);
      return await Promise.race([over, aborted(signal)]);
    } finally {
      end();
    }
  }

  #onMessage(head: IncomingHead): MessageSink | { readonly refuse: 413 | 415 } {
    if (mediaType(head.contentType) !== CPIM_TYPE) return { refuse: 415 };
    return gatheringSink(head, (octets) => {
      const stored = this.#store(head, octets);
      this.#storing.add(stored);
      const forget = () => this.#storing.delete(stored);
      stored.then(forget, forget);
      this.#listen();
      return stored;
    });
  }

  async #store(head: IncomingHead, octets: Uint8Array): Promise<void> {
    const { envelope, author, sentAt } = readKept(this.#context, octets, `msrp:${head.messageId}`);
    const item = this.#match(author, sentAt);
    await this.#inbox.take(envelope, head.contentType, octets);
    this.#ports.arrived(item);
  }

  /** The list names who and when; else what comes is the next one, as the network keeps its order (cpm.md section 11.2). */
  #match(author: string, sentAt: number | null): OrderedItem | null {
    const at = this.#expected.findIndex((item) => item.peer === author && item.sentAt === sentAt);
    return this.#expected.splice(Math.max(0, at), 1)[0] ?? null;
  }

  #listen(): void {
    this.#cancelSilence();
    this.#cancelSilence = this.#context.clock.after(SILENT_AFTER_MS, () =>
      this.#abort.abort(new ParleyError('peer.timeout', 'nothing came and the session was not ended')),
    );
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(signal.reason);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}

/** cpm.md section 15.2: the network of this person answers, so what it does not know is the item, and what it forbids is the order. */
function refusalOf(status: number, reason: string, headers: Parameters<typeof messageRejection>[1]): RetrievalEnd {
  const { permanent, retryAfter } = messageRejection(status, headers);
  const detail = `${status} ${reason}`;
  if (!permanent) {
    const retryAfterMs = retryAfter === null ? null : retryAfter * 1000;
    return { kind: 'broken', error: { code: 'peer.unavailable', detail }, retryAfterMs };
  }
  return { kind: 'refused', error: { code: status === 404 || status === 410 ? 'deferred.gone' : 'deferred.refused', detail } };
}
