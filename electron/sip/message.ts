import type { Core } from 'sip.js';
import { NO_BYTES } from '../../shared/base/bytes.ts';
import type { Emitter } from '../../shared/base/emitter.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { decodeCSeq } from '../../shared/protocol/sip/cseq.ts';
import { header, type SipRequest } from '../../shared/protocol/sip/message.ts';
import { type Address, readAddress, readAddresses, referredAuthor } from './addresses.ts';
import { type AgentCore, privateHeaders } from './agent-core.ts';
import type { DigestAccount } from './digest.ts';
import { cseqFrom, exchange, finalAnswer } from './exchange.ts';
import { asksForAnonymity, type Identity } from './identity.ts';
import { ACCEPT, ALLOW, checkHeaders, checkValue, supported } from './own-headers.ts';
import type { CapabilityQuestion, FinalAnswer, Header, IncomingMessage, OutgoingRequest } from './port.ts';
import { redirectedTarget } from './redirection.ts';

/** MESSAGE outside of a dialog (RFC 3428; seed 004 7.2.1). @throws ParleyError `request.invalid`, `link.*` */
export async function sendMessage(
  core: AgentCore,
  digest: DigestAccount,
  identity: Identity,
  request: OutgoingRequest,
): Promise<FinalAnswer> {
  checkHeaders(request.headers);
  checkValue(request.contentType, 'Content-Type');
  const { contactParameters, headers } = request;
  const contact = contactParameters === null ? null : identity.contact(contactParameters, asksForAnonymity(headers));
  return sendOutside(core, digest, identity, 'MESSAGE', { ...request, contact });
}

/** OPTIONS outside of a dialog, with what this agent can do itself (RFC 3261 section 11, cpm.md F23). @throws ParleyError `request.invalid`, `link.*` */
export async function sendOptions(
  core: AgentCore,
  digest: DigestAccount,
  identity: Identity,
  question: CapabilityQuestion,
): Promise<FinalAnswer> {
  checkHeaders(question.headers);
  const headers = [
    ...question.headers,
    { name: 'Accept', value: ACCEPT },
    { name: 'Supported', value: supported(question.headers) },
    { name: 'Allow', value: ALLOW },
  ];
  const contact = identity.capabilityContact;
  return sendOutside(core, digest, identity, 'OPTIONS', { target: question.target, headers, contact, contentType: '', body: NO_BYTES });
}

async function sendOutside(
  core: AgentCore,
  digest: DigestAccount,
  identity: Identity,
  method: 'MESSAGE' | 'OPTIONS',
  request: Omit<OutgoingRequest, 'contactParameters'> & { readonly contact: string | null },
): Promise<FinalAnswer> {
  const contact = request.contact === null ? [] : [{ name: 'Contact', value: request.contact }];
  const plan = {
    ...identity.plan(method, request.target, request.headers),
    headers: [...contact, ...request.headers, { name: 'User-Agent', value: identity.options.userAgent }],
    contentType: request.contentType === '' ? null : request.contentType,
    body: request.body,
  };
  const nextCseq = cseqFrom(1);
  const send = (to: typeof plan) => exchange(core, digest, to, (credentials) => core.compose(to, nextCseq(), credentials));
  const { response } = await send(plan);
  const elsewhere = redirectedTarget(response, plan.uri);
  return finalAnswer(elsewhere === null ? response : (await send({ ...plan, uri: elsewhere })).response);
}

/** Hands an incoming MESSAGE to its listener, which answers it once. Without a listener, or when the listener throws, the agent answers. */
export function receiveMessage(
  uas: Core.IncomingMessageRequest,
  request: SipRequest,
  listeners: Emitter<IncomingMessage>,
  hasListener: boolean,
): void {
  let isAnswered = false;
  const answer = (status: number, reason?: string, headers: readonly Header[] = []): void => {
    const options = answerOptions(status, reason, headers);
    if (isAnswered) return;
    isAnswered = true;
    quietly(() => (status < 300 ? uas.accept(options) : uas.reject(options)));
  };
  if (!hasListener) return answer(480);
  try {
    listeners.emit({ ...describe(request), answer });
  } catch {
    answer(500);
  }
}

/** What MESSAGE and INVITE tell their listeners alike. */
export function describe(request: SipRequest): Omit<IncomingMessage, 'answer'> {
  const from = readAddress(header(request, 'From') ?? '');
  const asserted = readAddresses(request, 'P-Asserted-Identity');
  // a core may assert a tel URI beside the SIP one (RFC 3325 section 9.1)
  const author = referredAuthor(request);
  const originator = author ?? asserted.find(({ uri }) => /^sips?:/i.test(uri)) ?? asserted[0] ?? from;
  return {
    from: from.uri,
    originator: originator.uri,
    alsoKnownAs: author === null ? otherIdentity(asserted) : [],
    originatorName: originator.displayName === '' && originator.uri === from.uri ? from.displayName : originator.displayName,
    callId: header(request, 'Call-ID') ?? '',
    cseq: decodeCSeq(header(request, 'CSeq') ?? '').sequence,
    headers: request.headers,
    contentType: header(request, 'Content-Type') ?? '',
    body: request.body,
  };
}

/** One SIP and one tel URI are two names of one person; anything more is not as RFC 3325 section 9.1 has it, and says nothing. */
function otherIdentity(asserted: readonly Address[]): readonly string[] {
  const numbers = asserted.filter(({ uri }) => /^tel:/i.test(uri));
  return asserted.length === 2 && numbers.length === 1 ? numbers.map(({ uri }) => uri) : [];
}

/** @throws ParleyError `request.invalid` */
export function answerOptions(status: number, reason: string | undefined, headers: readonly Header[]): Core.ResponseOptions {
  if (!Number.isInteger(status) || status < 200 || status > 699 || (status >= 300 && status < 400)) {
    throw new ParleyError('request.invalid', `${status} is no final answer of this agent`);
  }
  checkHeaders(headers);
  if (reason !== undefined) checkValue(reason, 'reason phrase');
  return { statusCode: status, ...(reason === undefined ? {} : { reasonPhrase: reason }), extraHeaders: privateHeaders(headers) };
}

/** For answers to a transaction that may have ended meanwhile: sip.js throws then, and nobody is left to be told. */
export function quietly(run: () => void): void {
  try {
    run();
  } catch {
    return;
  }
}
