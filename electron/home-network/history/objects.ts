import { CPIM_TYPE, contentHeader, decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { cpimAddress, cpimDateTime, imdnRequest } from '../../../shared/protocol/cpim/cpim-message.ts';
import type { Correspondent } from '../../../shared/protocol/cpm-objects/correspondent.ts';
import { NO_HEADERS, type ObjectHeaders } from '../../../shared/protocol/cpm-objects/object-headers.ts';
import type { FileTransferObject, MessageObject, SessionInfoObject } from '../../../shared/protocol/cpm-objects/stored-object.ts';
import { COMPOSING_TYPE } from '../../../shared/protocol/iscomposing/iscomposing.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../../shared/protocol/sip/name-addr.ts';

/** What a request says of the conversation that it belongs to. */
export interface Context {
  readonly request: Pick<SipRequest, 'headers'>;
  readonly from: Correspondent;
  readonly to: readonly Correspondent[];
  readonly now: number;
}

const LONGEST_ID = 256;
/** octets of one message or file that are kept: a mail server is given an object as a whole, from memory; of a larger file the description alone */
export const LARGEST_FILE = 16_777_216;

/** As its owner has it. @param direction of the owner */
export function headersOf({ request, from, to, now }: Context, direction: 'sent' | 'received'): ObjectHeaders {
  const id = (name: string): string | null => {
    const value = header(request, name)?.trim() ?? '';
    return value.length > 0 && value.length <= LONGEST_ID && /^[ -~]+$/.test(value) ? value : null;
  };
  return {
    ...NO_HEADERS,
    ...{ from, to, direction, date: now },
    subject: header(request, 'Subject')?.slice(0, LONGEST_ID) ?? null,
    conversationId: id('Conversation-ID'),
    contributionId: id('Contribution-ID'),
    inReplyTo: id('InReplyTo-Contribution-ID'),
    service: id('P-Asserted-Service') ?? id('P-Preferred-Service'),
    acceptContact: id('Accept-Contact'),
  };
}

/** A message, or a notification; null for what nobody wants to keep: that somebody writes. */
export function messageObject(headers: ObjectHeaders, contentType: string, content: Uint8Array): MessageObject | null {
  if (mediaType(contentType) !== CPIM_TYPE) {
    return mediaType(contentType) === COMPOSING_TYPE ? null : { kind: 'message', headers, contentType, content };
  }
  try {
    const cpim = decodeCpim(content);
    if (mediaType(contentHeader(cpim, 'Content-Type') ?? '') === COMPOSING_TYPE) return null;
    const imdnMessageId = imdnRequest(cpim).messageId;
    const date = cpimDateTime(cpim).time ?? headers.date;
    const name = cpimAddress(cpim, 'From')?.name ?? '';
    const from = headers.from === null || headers.from.name !== '' ? headers.from : { ...headers.from, name };
    const isUsable = imdnMessageId !== null && imdnMessageId.length <= LONGEST_ID && /^[!-~]+$/.test(imdnMessageId);
    return {
      kind: 'message',
      headers: { ...headers, from, date, imdnMessageId: isUsable ? imdnMessageId : null },
      contentType: 'Message/CPIM',
      content,
    };
  } catch {
    return { kind: 'message', headers, contentType, content };
  }
}

export function sessionObject(
  headers: ObjectHeaders,
  about: Pick<SessionInfoObject['session'], 'sessionType' | 'sdp' | 'outcome'>,
): SessionInfoObject {
  return { kind: 'session', headers, session: { ...about, invited: headers.to.map(({ address }) => address) } };
}

/** @param file null: its octets did not pass here */
export function fileObject(
  headers: ObjectHeaders,
  sdp: string,
  transferType: FileTransferObject['transfer']['transferType'],
  file: { readonly name: string | null; readonly contentType: string; readonly content: Uint8Array } | null,
): FileTransferObject {
  const cid = 'file-1@parley.invalid';
  const transfer = { transferType, invited: headers.to.map(({ address }) => address), files: [{ cid, sdp }] };
  return { kind: 'file', headers, transfer, files: file === null ? [] : [{ cid, ...file }] };
}

/** What says into which folder of a conversation something belongs, also where a request says it otherwise. */
export function serviceUrn(service: string): string {
  return `urn:urn-7:3gpp-service.ims.icsi.${service}`;
}

/** Who asks, as the header has it: without its parameters, and as nobody where it cannot be read. */
export function correspondentIn(value: string | null): Correspondent {
  try {
    const { displayName, uri } = decodeNameAddr(value ?? '');
    return { address: uri, name: displayName ?? '' };
  } catch {
    return { address: 'sip:anonymous@anonymous.invalid', name: '' };
  }
}
