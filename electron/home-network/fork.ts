import { NO_BYTES } from '../../shared/base/bytes.ts';
import { randomToken, randomUuid } from '../../shared/base/random.ts';
import { header, type SipHeader, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import type { SipEssentials } from '../../shared/protocol/sip/validate.ts';
import { bestResponse, forOriginator } from './best-response.ts';
import type { Binding } from './bindings.ts';
import type { Flow } from './flow.ts';
import { nextMaxForwards, type RelayHeaders, withoutTag } from './relay-headers.ts';
import type { ServerTransaction } from './server-transaction.ts';
import type { HomeUser } from './settings.ts';
import type { TransactionLayer } from './transactions.ts';

/** The request as it goes to one device: a leg of its own, with its own Call-ID and tags. @param contact where its answerer reaches whom he deals with */
export function legRequest(
  relay: RelayHeaders,
  transaction: { readonly request: SipRequest; readonly essentials: Pick<SipEssentials, 'maxForwards'>; readonly flow?: Flow },
  sender: HomeUser,
  device: Binding,
  ids: { readonly callId: string; readonly localTag: string; readonly sequence: number },
  extra: readonly SipHeader[],
  contact: SipHeader | null = relay.contact(transaction.request, { user: sender, flow: transaction.flow ?? device.flow }),
): SipRequest {
  const { request, essentials } = transaction;
  const fields: SipHeader[] = [nextMaxForwards(essentials.maxForwards), ...extra];
  for (const value of device.path) fields.push({ name: 'Route', value });
  fields.push(
    { name: 'From', value: `${withoutTag(header(request, 'From') ?? '')};tag=${ids.localTag}` },
    { name: 'To', value: withoutTag(header(request, 'To') ?? '') },
    { name: 'Call-ID', value: ids.callId },
    { name: 'CSeq', value: `${ids.sequence} ${request.method}` },
  );
  if (contact !== null) fields.push(contact);
  fields.push({ name: 'P-Called-Party-ID', value: `<${request.uri}>` });
  return {
    kind: 'request',
    method: request.method,
    uri: device.contact.uri,
    headers: [...fields, ...relay.passing(request, sender)],
    body: request.body,
  };
}

/**
 * MESSAGE and OPTIONS to all devices at once. The first 2xx answers the originator, at once; a 6xx too; otherwise the best refusal when all have
 * answered (cpm.md section 16.4).
 * @param answered called once, with the status that the originator gets
 * @param instead sees the best of the refusals; true: it answers the originator itself
 */
export function forkOnce(
  layer: TransactionLayer,
  relay: RelayHeaders,
  transaction: ServerTransaction,
  sender: HomeUser,
  devices: readonly Binding[],
  answered: (status: number) => void = () => undefined,
  instead: (refusal: SipResponse) => boolean = () => false,
): void {
  const passOn = (response: SipResponse, extra: readonly SipHeader[] = []): void => {
    passBack(relay, transaction, response, null, extra);
    answered(response.status);
  };
  const refused: SipResponse[] = [];
  for (const device of devices) {
    const ids = { callId: randomUuid(), localTag: randomToken(10), sequence: 1 };
    layer.send(device.flow, legRequest(relay, transaction, sender, device, ids, []), {
      onFinal: (response) => {
        if (transaction.isAnswered) return;
        if (response.status < 300 || response.status >= 600) {
          // what the device can do stands in its Contact (RFC 3840 section 7); a MESSAGE has none in its answer
          const contact = transaction.request.method === 'OPTIONS' ? relay.contact(response, device) : null;
          passOn(response, contact === null ? [] : [contact]);
          return;
        }
        refused.push(forOriginator(response));
        if (refused.length < devices.length) return;
        const best = bestResponse(refused) ?? forOriginator(response);
        if (!instead(best)) passOn(best);
      },
    });
  }
}

/** An answer of a device, in the words of our own transaction. */
export function passBack(
  relay: RelayHeaders,
  transaction: ServerTransaction,
  response: SipResponse,
  answerer: HomeUser | null,
  extra: readonly SipHeader[] = [],
): void {
  transaction.respond(response.status, {
    reason: response.reason,
    headers: [...extra, ...relay.passing(response, answerer)],
    body: response.body.length === 0 ? NO_BYTES : response.body,
  });
}
