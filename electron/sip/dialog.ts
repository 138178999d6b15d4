import type { Core } from 'sip.js';
import { fromUtf8, NO_BYTES } from '../../shared/base/bytes.ts';
import { header, type SipRequest } from '../../shared/protocol/sip/message.ts';
import { withRefresher } from './admission.ts';
import { type AgentCore, maskedBody, privateHeaders } from './agent-core.ts';
import type { DigestAccount } from './digest.ts';
import { cseqFrom, exchange } from './exchange.ts';
import type { Identity } from './identity.ts';
import { unmaskToken, unmaskUri } from './masking.ts';
import { quietly } from './message.ts';
import { ALLOW } from './own-headers.ts';
import type { Header } from './port.ts';

/** What a call needs of its agent. */
export interface CallContext {
  readonly core: AgentCore;
  readonly digest: DigestAccount;
  readonly identity: Identity;
  /** MESSAGE inside a dialog is treated like any other (RFC 5057 section 5.3) */
  readonly onMessage: (uas: Core.IncomingMessageRequest, request: SipRequest) => void;
}

export interface DialogParts {
  /** our Contact value in this dialog */
  readonly contact: string;
  /** our last session description and its type, repeated in the answer to a refresh */
  readonly local: { readonly contentType: string; readonly body: Uint8Array };
  /** the peer's last session description */
  readonly remote: Uint8Array;
  readonly onAck: () => void;
  readonly onAckTimeout: () => void;
  readonly onBye: () => void;
}

/** how long `end` waits for the answer to a BYE or CANCEL */
const END_TIMEOUT_MS = 2_000;

/** Lets sip.js answer what comes inside the dialog by our rules. */
export function watchDialog(context: CallContext, session: Core.Session, parts: DialogParts): void {
  session.delegate = {
    onAck: parts.onAck,
    onAckTimeout: parts.onAckTimeout,
    onBye: (bye) => {
      bye.accept();
      parts.onBye();
    },
    onInvite: (uas) => quietly(() => answerReinvite(context, uas, parts)),
    onMessage: (uas) => {
      const request = context.core.original(uas.message);
      if (request?.kind === 'request') context.onMessage(uas, request);
    },
  };
}

/** Ends a confirmed dialog. Resolves when the BYE was answered, or was not in 2 s; never rejects. */
export function sendBye(context: CallContext, session: Core.Session): Promise<void> {
  const dialog = session as Core.SessionDialog;
  const fromTag = unmaskToken(dialog.localTag);
  const toTag = unmaskToken(dialog.remoteTag);
  const plan = {
    method: 'BYE',
    uri: unmaskUri(dialog.remoteTarget.toString()) ?? '',
    from: unmaskUri(dialog.localURI.toString()) ?? '',
    fromTag: fromTag ?? dialog.localTag,
    to: unmaskUri(dialog.remoteURI.toString()) ?? '',
    toTag: toTag === '' ? null : toTag,
    callId: unmaskToken(dialog.callId) ?? '',
    routes: dialog.routeSet.map((route) => unmaskUri(route.replace(/^</, '')) ?? ''),
    headers: [{ name: 'User-Agent', value: context.identity.options.userAgent }],
    contentType: null,
    body: NO_BYTES,
  };
  const first = (dialog.localSequenceNumber ?? 0) + 1;
  dialog.dispose();
  return withinEndTimeout(exchange(context.core, context.digest, plan, cseqFrom(first)));
}

export function withinEndTimeout(work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, END_TIMEOUT_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    work.then(done, done);
  });
}

/**
 * A re-INVITE with the session unchanged is a refresh (RFC 4028 section 7.4: same `o=` line), answered with our description unchanged.
 * One that would change the session is refused, which leaves the session as it is (RFC 6141 section 3.1).
 */
function answerReinvite(context: CallContext, uas: Core.IncomingInviteRequest, parts: DialogParts): void {
  const request = context.core.original(uas.message);
  const isRefresh = request?.kind === 'request' && request.body.length > 0 && originLine(request.body) === originLine(parts.remote);
  if (!isRefresh || parts.local.body.length === 0) {
    uas.reject({ statusCode: 488 });
    return;
  }
  const interval = header(request, 'Session-Expires');
  const headers: Header[] = [
    { name: 'Contact', value: parts.contact },
    { name: 'Allow', value: ALLOW },
    ...(interval === null ? [] : [{ name: 'Require', value: 'timer' }, { name: 'Session-Expires', value: withRefresher(interval) }]),
    { name: 'Content-Type', value: parts.local.contentType },
  ];
  uas.accept({ statusCode: 200, body: maskedBody(parts.local.body), extraHeaders: privateHeaders(headers) });
}

function originLine(description: Uint8Array): string | null {
  return /^o=[^\r\n]*/m.exec(fromUtf8(description))?.[0] ?? null;
}
