import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { contactFeature, DEFERRED } from '../../../shared/protocol/cpm/names.ts';
import { encodeWarning } from '../../../shared/protocol/cpm/warning.ts';
import type { DeferredAction } from '../../../shared/protocol/lists/deferred-request.ts';
import { makeFileAnswer, makeOrigin, setupRole } from '../../../shared/protocol/sdp/file-offer.ts';
import { EMPTY_MSRP_MEDIA, type MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { encodeSdp, SDP_TYPE } from '../../../shared/protocol/sdp/sdp.ts';
import { headers, type SipHeader } from '../../../shared/protocol/sip/message.ts';
import type { MsrpSession } from '../../msrp/port.ts';
import type { DeferredItem } from '../deferral/port.ts';
import type { DialogOwner } from '../dialogs.ts';
import { dialogRequest, FRESH, type Leg, legFrom, reason } from '../leg.ts';
import { viaOf, wayTo } from '../media/led-media.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import { MIN_SE, sessionTimer, timerFields } from '../session-timer.ts';
import { type HomeUser, SERVER_NAME } from '../settings.ts';
import { type AskedFor, type Refusal, readAsked } from './asked.ts';
import { drain } from './drain.ts';
import type { Listed, RetrievalHost } from './retrieval-host.ts';

const COMPLETED = reason('SIP;cause=200;text="Call completed"');
const ALLOW: SipHeader = { name: 'Allow', value: 'INVITE, ACK, CANCEL, BYE, UPDATE' };
/** items of one session that are deleted, stored or sent on at once */
const AT_ONCE = 32;

/** What one session does: everything in it is claimed, and belongs to no other one until it is settled or released. */
interface Work {
  readonly deliver: readonly DeferredItem[];
  readonly files: readonly DeferredItem[];
  readonly others: readonly { readonly item: DeferredItem; readonly action: Exclude<DeferredAction, 'deliver'> }[];
  /** of those that were named: not there, or another session has them */
  readonly missing: number;
}

/**
 * One session with somebody's deferred messages (cpm.md section 11.2, flow F20).
 *
 *     opening --(200)--> serving --(everything settled, ACK)--> BYE --> ended
 *     opening --(CANCEL, refused)--> ended        serving --(BYE, no ACK, octets find no way)--> ended: what is not settled waits again
 */
export class RetrievalSession implements DialogOwner {
  readonly #host: RetrievalHost;
  readonly #invite: ServerTransaction;
  readonly #owner: HomeUser;
  readonly #leg: Leg;
  readonly #contact: SipHeader;
  readonly #abort = new AbortController();
  /** claimed, and neither settled nor released */
  readonly #held = new Map<number, Listed>();
  #session: MsrpSession | null = null;
  #state: 'opening' | 'serving' | 'ended' = 'opening';
  #hasFlow = true;
  #acknowledge: () => void = () => undefined;
  readonly #hasAck = new Promise<void>((resolve) => {
    this.#acknowledge = resolve;
  });
  #stopNoAck: () => void = () => undefined;
  #stopRefresh: () => void = () => undefined;

  constructor(host: RetrievalHost, invite: ServerTransaction, owner: HomeUser) {
    this.#host = host;
    this.#invite = invite;
    this.#owner = owner;
    this.#leg = legFrom(invite, owner);
    this.#contact = { name: 'Contact', value: `<${host.ownUri(`pf-${randomToken(12)}`)}>;${contactFeature([DEFERRED])}` };
    invite.respond(100);
    invite.onCancel = () => {
      invite.respond(487);
      this.#end();
    };
    void this.#serve();
  }

  async #serve(): Promise<void> {
    try {
      const asked = readAsked(this.#invite.request);
      if ('status' in asked) {
        this.#refuse(asked);
        return;
      }
      const timer = sessionTimer(this.#invite.request);
      if (timer === 'too-short') {
        this.#refuse({ status: 422, fields: [{ name: 'Min-SE', value: String(MIN_SE) }] });
        return;
      }
      const work = await this.#claim(asked.choices);
      if (this.#state !== 'opening') return;
      if (asked.choices !== null && this.#held.size === 0) {
        this.#refuse({ status: 404, warning: 'none of these messages waits' });
        return;
      }
      this.#accept(asked, work, timer);
      const broken = await this.#carryOut(asked, work);
      await this.#hasAck;
      this.#hangUp(broken ?? COMPLETED);
    } catch (thrown) {
      this.#failed(thrown);
    } finally {
      await this.#release();
    }
  }

  async #claim(choices: AskedFor['choices']): Promise<Work> {
    const { deferral } = this.#host;
    const { user } = this.#owner;
    const by = this.#leg.callId;
    const byUri = new Map((choices === null ? [] : await deferral.list(user)).map((item) => [item.uri, item]));
    const ids = choices === null ? 'all' : [...choices.keys()].flatMap((uri) => byUri.get(uri)?.id ?? []);
    const claimed = ids.length === 0 ? [] : await deferral.claim(user, ids, by);
    for (const item of claimed) this.#held.set(item.id, item);
    const at = new Map(ids === 'all' ? [] : ids.map((id, index) => [id, index]));
    const ordered = [...claimed].sort((a, b) => (at.get(a.id) ?? 0) - (at.get(b.id) ?? 0));
    const actionOf = ({ uri }: DeferredItem): DeferredAction => choices?.get(uri) ?? 'deliver';
    const delivered = ordered.filter((item) => actionOf(item) === 'deliver');
    return {
      deliver: delivered.filter(({ kind }) => kind !== 'file'),
      files: delivered.filter(({ kind }) => kind === 'file'),
      others: ordered.flatMap((item) => {
        const action = actionOf(item);
        return action === 'deliver' ? [] : [{ item, action }];
      }),
      missing: choices === null ? 0 : choices.size - claimed.length,
    };
  }

  #accept({ description, mediaIndex }: AskedFor, { missing }: Work, timer: number | null): void {
    const { msrp, dialogs, layer, directory } = this.#host;
    const { request } = this.#invite;
    const media = description.media[mediaIndex] as MsrpMedia;
    const session = msrp.createSession({
      onMessage: () => ({ refuse: 413 }),
      onClosed: ({ detail }) => this.#abort.abort(new ParleyError('msrp.lost', detail)),
    });
    this.#session = session;
    const { host: address } = msrp.address;
    const role = setupRole(media.setup, 'passive');
    const line: MsrpMedia = {
      ...EMPTY_MSRP_MEDIA,
      protocol: 'TCP/MSRP',
      port: wayTo(session.localUri, role).port,
      direction: 'sendonly',
      acceptTypes: [CPIM_TYPE],
      acceptWrappedTypes: ['*'],
      path: [session.localUri],
      setup: role,
    };
    const origin = makeOrigin(address, layer().clock.now());
    const answer = makeFileAnswer(description, { origin, address, lines: new Map([[mediaIndex, line]]) });
    const warning = { code: 399, agent: directory.domain, text: `${missing} of these messages do not wait any more` };
    this.#state = 'serving';
    dialogs.add(this, this.#leg);
    this.#stopNoAck = layer().clock.after(layer().timing.transaction, () => this.#hangUp(failure('No ACK')));
    this.#invite.respond(200, {
      headers: [
        ...headers(request, 'Record-Route').map((value) => ({ name: 'Record-Route', value })),
        this.#contact,
        ALLOW,
        ...this.#timed(timer),
        ...(missing === 0 ? [] : [{ name: 'Warning', value: encodeWarning(warning) }]),
        { name: 'Server', value: SERVER_NAME },
        { name: 'Content-Type', value: SDP_TYPE },
      ],
      body: encodeSdp(answer),
    });
  }

  /** @returns why what waits could not be brought, null where it was */
  async #carryOut({ description, mediaIndex }: AskedFor, { deliver, files, others }: Work): Promise<SipHeader | null> {
    const media = description.media[mediaIndex] as MsrpMedia;
    const role = setupRole(media.setup, 'passive');
    const { signal } = this.#abort;
    const session = this.#session as MsrpSession;
    const connecting = session.connect({ role, remotePath: media.path, via: viaOf(media, description), signal });
    connecting.catch(() => undefined);
    const acting = this.#act(others);
    this.#handOver(files);
    try {
      if (deliver.length === 0) return null;
      await connecting;
      const { deferral } = this.#host;
      const { broken } = await drain(deliver, {
        maxSize: media.maxSize,
        content: async ({ id }) => {
          signal.throwIfAborted();
          return deferral.content(id);
        },
        send: (source) => session.send({ contentType: CPIM_TYPE, source, successReport: false, signal }),
        settle: async ({ id }) => {
          await deferral.settle(id, 'delivered');
          this.#held.delete(id);
        },
      });
      return broken === null ? null : failure(broken.detail);
    } catch (thrown) {
      return failure(toCodedError(thrown).detail);
    } finally {
      await acting;
    }
  }

  async #act(others: Work['others']): Promise<void> {
    const queue = [...others];
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const { item, action } = next;
        try {
          await this.#actOn(item, action);
          this.#held.delete(item.id);
        } catch (thrown) {
          // it stays
          if (toCodedError(thrown).code === 'file.too-large') this.#held.set(item.id, { ...item, undone: 'too-large' });
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  async #actOn(item: DeferredItem, action: Work['others'][number]['action']): Promise<void> {
    const { deferral, outlets } = this.#host;
    if (action === 'store') await outlets.store(item);
    else if (action === 'interwork') await outlets.interwork(item);
    await deferral.settle(item.id, action === 'store' ? 'stored' : action === 'interwork' ? 'interworked' : 'deleted');
  }

  /** Files come by an INVITE of their own, to the device that asked. */
  #handOver(files: readonly DeferredItem[]): void {
    const { bindings, deferral } = this.#host;
    const own = bindings.onFlow(this.#leg.flow).filter(({ user }) => user === this.#owner);
    const device = own[0];
    if (device === undefined) return;
    for (const item of files) {
      this.#held.delete(item.id);
      deferral.deliverFile(item, device);
    }
  }

  acknowledged(): void {
    this.#stopNoAck();
    this.#acknowledge();
  }

  request(_: Leg, transaction: ServerTransaction): void {
    const { method, body } = transaction.request;
    if (method === 'BYE') {
      this.#hasFlow = false;
      transaction.respond(200);
      this.#end();
    } else if (method === 'UPDATE' && body.length === 0) {
      const timer = sessionTimer(transaction.request);
      transaction.respond(200, { headers: [this.#contact, ...this.#timed(timer === 'too-short' ? MIN_SE : timer)] });
    } else if (method === 'INVITE' || method === 'UPDATE') transaction.respond(488);
    else transaction.respond(405, { headers: [ALLOW] });
  }

  /** Octets may go on beside a connection that is gone. */
  flowClosed(): void {
    this.#hasFlow = this.#leg.flow.isOpen;
    if (this.#state === 'opening') this.#end();
    else this.#acknowledge();
  }

  /** The client refreshes, or the session is over (RFC 4028 section 10). */
  #timed(seconds: number | null): SipHeader[] {
    this.#stopRefresh();
    if (seconds === null) return [];
    this.#stopRefresh = this.#host.layer().clock.after(seconds * 1000, () => this.#hangUp(failure('not refreshed in time')));
    return timerFields(seconds);
  }

  #refuse({ status, reason: text, warning, fields = [] }: Refusal): void {
    const { domain } = this.#host.directory;
    const warnings = warning === undefined ? [] : [{ name: 'Warning', value: encodeWarning({ code: 399, agent: domain, text: warning }) }];
    this.#invite.respond(status, { headers: [...fields, ...warnings], ...(text === undefined ? {} : { reason: text }) });
    this.#end();
  }

  #failed(thrown: unknown): void {
    const { status, headers } = this.#host.mediaRefusal(thrown);
    // nothing where it was answered before
    this.#invite.respond(status, { headers });
    this.#hangUp(failure(toCodedError(thrown).detail));
    this.#end();
  }

  #hangUp(why: SipHeader): void {
    if (this.#state === 'ended') return;
    if (this.#state === 'serving' && this.#hasFlow) {
      this.#host.layer().send(this.#leg.flow, dialogRequest(this.#leg, 'BYE', FRESH, null, [why]), { onFinal: () => undefined });
    }
    this.#end();
  }

  #end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#stopNoAck();
    this.#stopRefresh();
    this.#acknowledge();
    this.#host.dialogs.remove(this);
    this.#abort.abort(new ParleyError('msrp.lost', 'the session ended'));
    void this.#session?.close();
  }

  /** What was not settled waits again, and the list says so. */
  async #release(): Promise<void> {
    const items = [...this.#held.values()];
    this.#held.clear();
    if (items.length === 0) return;
    await this.#host.deferral.release(items.map(({ id }) => id)).catch(() => undefined);
    this.#host.list.say(this.#owner.user, items, []);
  }
}

function failure(why: string): SipHeader {
  return reason(`SIP;cause=480;text="${why.replace(/[^\w .:-]/g, ' ').slice(0, 100)}"`);
}
