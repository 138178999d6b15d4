import { NO_BYTES } from '../../../../shared/base/bytes.ts';
import { ParleyError } from '../../../../shared/base/errors.ts';
import { instanceOf, isFocus, serviceOf } from '../../../../shared/protocol/cpm/names.ts';
import { fileRejection, largeMessageRejection, refusesFiles } from '../../../../shared/protocol/cpm/rejection.ts';
import { readWarnings } from '../../../../shared/protocol/cpm/warning.ts';
import { decodeSip, encodeSip } from '../../../../shared/protocol/sip/codec.ts';
import { decodeCSeq, encodeCSeq } from '../../../../shared/protocol/sip/cseq.ts';
import { decodeChallenge, decodeCredentials, encodeChallenge, encodeCredentials } from '../../../../shared/protocol/sip/digest.ts';
import { decodeEvent, encodeEvent } from '../../../../shared/protocol/sip/event.ts';
import { SipFramer } from '../../../../shared/protocol/sip/framer.ts';
import { SIP_LIMITS } from '../../../../shared/protocol/sip/limits.ts';
import { headers, type SipMessage } from '../../../../shared/protocol/sip/message.ts';
import { decodeNameAddr, encodeNameAddr } from '../../../../shared/protocol/sip/name-addr.ts';
import { decodeParams, encodeParams } from '../../../../shared/protocol/sip/params.ts';
import { salvageRequest } from '../../../../shared/protocol/sip/salvage.ts';
import { decodeDeltaSeconds, decodeNumber } from '../../../../shared/protocol/sip/text.ts';
import { addressOfRecord, decodeSipUri, encodeSipUri, sameSipUri, trySipUri } from '../../../../shared/protocol/sip/uri.ts';
import { essentials } from '../../../../shared/protocol/sip/validate.ts';
import { decodeVia, encodeVia } from '../../../../shared/protocol/sip/via.ts';
import { headerValues, sipOctets, tortureOctets } from '../seeds.ts';
import { codec, stream, type Target, textCodec } from '../target.ts';

import { HEADER, optional, SIP_WORDS } from './common.ts';

function sipPieces(message: SipMessage): void {
  optional(() => essentials(message));
  for (const name of ['Contact', 'Route', 'Supported', 'Accept-Contact', 'Warning']) headers(message, name);
  serviceOf(message.headers);
  instanceOf(message.headers);
  isFocus(message.headers);
}

function feedSip(parts: Iterable<Uint8Array>): unknown {
  const framer = new SipFramer();
  const messages: string[] = [];
  let pings = 0;
  for (const part of parts) {
    try {
      for (const frame of framer.push(part)) {
        if (frame.kind === 'message') messages.push(Buffer.from(frame.octets).toString('latin1'));
        else if (frame.kind === 'ping') pings++;
      }
    } catch (thrown) {
      if (!(thrown instanceof ParleyError)) throw thrown;
    }
    if (framer.failure !== null) break;
    if (framer.held > 2 * (SIP_LIMITS.headerOctets + SIP_LIMITS.bodyOctets + part.length))
      throw new Error('more is held back than one message');
  }
  return { messages, pings, error: framer.failure?.code ?? null };
}

/** SIP: messages, their framing, the grammars of their header fields. */
export const SIP_TARGETS: readonly Target[] = [
  codec({
    name: 'sip-message',
    covers: [decodeSip, essentials, serviceOf, instanceOf],
    seeds: [...sipOctets, ...tortureOctets],
    words: SIP_WORDS,
    decode: (input) => decodeSip(input),
    encode: encodeSip,
    use: sipPieces,
  }),
  codec({
    name: 'sip-salvage',
    covers: [salvageRequest],
    seeds: [...sipOctets, ...tortureOctets],
    words: SIP_WORDS,
    decode: (input) => salvageRequest(input),
    // it has to fit into an answer
    use: (salvaged) =>
      salvaged && encodeSip({ kind: 'response', status: 400, reason: '', headers: salvaged.request.headers, body: NO_BYTES }),
  }),
  stream({
    name: 'sip-framer',
    covers: [SipFramer],
    seeds: [...sipOctets, ...tortureOctets, '\r\n\r\n', '\r\n'],
    words: SIP_WORDS,
    feed: feedSip,
  }),
  textCodec({
    name: 'sip-via',
    longest: HEADER,
    covers: [decodeVia],
    seeds: headerValues('Via'),
    words: SIP_WORDS,
    decode: decodeVia,
    encode: encodeVia,
  }),
  textCodec({
    name: 'sip-name-addr',
    longest: HEADER,
    covers: [decodeNameAddr],
    seeds: headerValues('From', 'To', 'Contact', 'P-Asserted-Identity', 'Route', 'Record-Route', 'Accept-Contact'),
    words: SIP_WORDS,
    decode: decodeNameAddr,
    encode: encodeNameAddr,
  }),
  textCodec({
    name: 'sip-uri',
    longest: HEADER,
    covers: [decodeSipUri, trySipUri],
    seeds: [
      'sip:alice@home1.example',
      'sips:a:b@[2001:db8::1]:5061;transport=tls;gr=urn:uuid:x?a=b',
      'sip:+1555;phone-context=x@h;user=phone',
    ],
    words: SIP_WORDS,
    decode: decodeSipUri,
    encode: encodeSipUri,
    use(uri) {
      addressOfRecord(uri);
      if (!sameSipUri(uri, uri)) throw new Error('a URI is not the same as itself');
    },
  }),
  textCodec({
    name: 'sip-params',
    longest: HEADER,
    covers: [decodeParams],
    seeds: [';a;b=c;d="e;\\"f"', ';tag=x;expires=1'],
    words: SIP_WORDS,
    decode: (text) => decodeParams(text),
    encode: encodeParams,
  }),
  textCodec({
    name: 'sip-event',
    longest: HEADER,
    covers: [decodeEvent],
    seeds: [...headerValues('Event'), 'conference;id=7', 'refer;id="a b"'],
    words: SIP_WORDS,
    decode: decodeEvent,
    encode: encodeEvent,
  }),
  textCodec({
    name: 'sip-cseq',
    longest: HEADER,
    covers: [decodeCSeq],
    seeds: headerValues('CSeq'),
    decode: decodeCSeq,
    encode: encodeCSeq,
  }),
  textCodec({
    name: 'sip-numbers',
    longest: HEADER,
    covers: [decodeNumber, decodeDeltaSeconds],
    seeds: ['0', '3600', '4294967295'],
    decode: (text) => [decodeNumber(text, 'x', 0xffffffff), decodeDeltaSeconds(text)],
  }),
  textCodec({
    name: 'digest-challenge',
    longest: HEADER,
    covers: [decodeChallenge],
    seeds: [
      ...headerValues('WWW-Authenticate', 'Proxy-Authenticate'),
      'Digest realm="a,b", nonce="x", stale=TRUE, qop="auth,auth-int", opaque=""',
    ],
    words: SIP_WORDS,
    decode: decodeChallenge,
    encode: encodeChallenge,
  }),
  textCodec({
    name: 'digest-credentials',
    longest: HEADER,
    covers: [decodeCredentials],
    seeds: headerValues('Authorization', 'Proxy-Authorization'),
    words: SIP_WORDS,
    decode: decodeCredentials,
    encode: encodeCredentials,
  }),
  textCodec({
    name: 'cpm-headers',
    longest: HEADER,
    covers: [readWarnings],
    seeds: [
      ...headerValues('Accept-Contact', 'Contact', 'P-Asserted-Service', 'Warning', 'Retry-After'),
      '399 a.example "133 Size exceeded"',
    ],
    words: [...SIP_WORDS, '+g.3gpp.icsi-ref="urn%3Aurn-7%3A', '122 Function not allowed', '399 a "'],
    decode(text) {
      const fields = ['Accept-Contact', 'Contact', 'P-Asserted-Service', 'Warning', 'Retry-After'].map((name) => ({ name, value: text }));
      return [
        serviceOf(fields),
        instanceOf(fields),
        readWarnings(fields),
        fileRejection(488, fields),
        largeMessageRejection(403, fields),
        refusesFiles(fields),
      ];
    },
  }),
];
