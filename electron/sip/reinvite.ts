import type { Core } from 'sip.js';
import { ParleyError } from '../../shared/base/errors.ts';
import type { SipResponse } from '../../shared/protocol/sip/message.ts';
import { type AgentCore, localFailure, maskedBody, privateHeaders } from './agent-core.ts';
import type { DigestAccount } from './digest.ts';
import { unmaskUri } from './masking.ts';
import { quietly } from './message.ts';
import type { Header, SessionBody } from './port.ts';

/** how often a re-INVITE that met another one is sent again */
const GLARE_TRIES = 6;

interface Agent {
  readonly core: AgentCore;
  readonly digest: DigestAccount;
}

interface Reinvite {
  readonly headers: readonly Header[];
  readonly description: SessionBody;
  /** CANCEL (RFC 3261 section 9.1); the answer says what became of it */
  readonly signal?: AbortSignal | undefined;
  /** aborted when the dialog is: by a BYE of either side, or with the flow. Nobody answers then. */
  readonly over: AbortSignal;
}

/** Where requests inside a dialog go. */
export function targetOf(session: Core.Session): string {
  return unmaskUri(session.remoteTarget.toString()) ?? '';
}

/**
 * A re-INVITE through all its challenges, sent again where it met one of the other side (RFC 3261 section 14.1). Resolves with any other final answer.
 * @param ownsCallId we made the dialog: then the wait is the longer one
 * @throws ParleyError `link.*` when no answer came, and the reason of `over`
 */
export async function reinvite(agent: Agent, session: Core.Session, request: Reinvite, ownsCallId: boolean): Promise<SipResponse> {
  for (let left = GLARE_TRIES; ; left--) {
    const response = isBusy(session) ? null : await attempt(agent, session, request);
    if (response !== null && (response.status !== 491 || left === 1)) return response;
    if (left === 1) throw new ParleyError('link.timeout', 'the other side is always changing the session');
    if (request.signal?.aborted) throw request.signal.reason;
    const wait = ownsCallId ? 2100 + Math.random() * 1900 : Math.random() * 2000;
    await new Promise((resolve) => setTimeout(resolve, wait).unref());
    request.over.throwIfAborted();
  }
}

/** sip.js would throw: a re-INVITE of either side has no final answer, or no ACK yet. */
function isBusy(session: Core.Session): boolean {
  const { reinviteUserAgentClient, reinviteUserAgentServer } = session as Core.SessionDialog;
  return reinviteUserAgentClient !== undefined || reinviteUserAgentServer !== undefined;
}

function attempt({ core, digest }: Agent, session: Core.Session, { headers, description, signal, over }: Reinvite): Promise<SipResponse> {
  const challenges = digest.attempt('INVITE', targetOf(session), description.body);
  return new Promise((resolve, reject) => {
    let uac: Core.OutgoingInviteRequest | null = null;
    let isProvisional = false;
    let isCancelled = false;
    const unanswered = (): void => reject(over.reason);
    const cancel = (): void => {
      if (signal?.aborted !== true || !isProvisional || isCancelled) return;
      isCancelled = true;
      quietly(() => uac?.cancel());
    };
    const send = (): void => {
      isProvisional = false;
      const credentials = challenges.headers();
      const settle = ({ message }: { readonly message: Core.IncomingResponseMessage }): void => {
        const original = core.original(message);
        const isChallenge = original?.kind === 'response' && (original.status === 401 || original.status === 407);
        if (original?.kind === 'response' && isChallenge && challenges.accepts(original)) return send();
        signal?.removeEventListener('abort', cancel);
        over.removeEventListener('abort', unanswered);
        if (original?.kind === 'response') resolve(original);
        else reject(localFailure(message));
      };
      const provisional = (): void => {
        isProvisional = true;
        cancel();
      };
      uac = session.invite(
        {
          onTrying: provisional,
          onProgress: provisional,
          onAccept: (response) => {
            // RFC 3261 section 13.2.2.4: the ACK has the credentials of its INVITE
            response.ack({ extraHeaders: privateHeaders(credentials) });
            settle(response);
          },
          onRedirect: settle,
          onReject: settle,
        },
        {
          extraHeaders: privateHeaders([...headers, ...credentials, { name: 'Content-Type', value: description.contentType }]),
          body: maskedBody(description.body),
        },
      );
    };
    signal?.addEventListener('abort', cancel, { once: true });
    over.addEventListener('abort', unanswered, { once: true });
    send();
  });
}
