import { isDeepStrictEqual } from 'node:util';
import { redirect } from '../../../../electron/home-network/media/description.ts';
import { isLed, wayTo } from '../../../../electron/home-network/media/led-media.ts';
import { bufferOctets } from '../../../../electron/msrp/octets.ts';
import { concatBytes } from '../../../../shared/base/bytes.ts';
import { ParleyError } from '../../../../shared/base/errors.ts';
import { decodeAuthAnswer } from '../../../../shared/protocol/msrp/auth.ts';
import { decodeByteRange } from '../../../../shared/protocol/msrp/byte-range.ts';
import { decodeHead, encodeFrame, encodeHead, type MsrpHead } from '../../../../shared/protocol/msrp/codec.ts';
import { decodeFrame, MSRP_FRAMER_LIMITS, MsrpFramer } from '../../../../shared/protocol/msrp/framer.ts';
import { byteRangeOf, failureReportOf, statusOf, successReportOf } from '../../../../shared/protocol/msrp/headers.ts';
import { decodeMsrpUri, encodeMsrpUri } from '../../../../shared/protocol/msrp/uri.ts';
import { makeChatAnswer, makeChatOffer, readChatAnswer, readChatOffer } from '../../../../shared/protocol/sdp/chat-offer.ts';
import {
  makeFileAnswer,
  makeFileOffer,
  makeOrigin,
  readFileAnswer,
  readFileMediaAnswer,
  takenLine,
} from '../../../../shared/protocol/sdp/file-offer.ts';
import {
  decodeCount,
  decodeFileRange,
  decodeFileSelector,
  encodeFileRange,
  encodeFileSelector,
} from '../../../../shared/protocol/sdp/file-selector.ts';
import { decodeFingerprint, encodeFingerprint } from '../../../../shared/protocol/sdp/fingerprint.ts';
import { makeLargeMessageOffer, readLargeMessageAnswer } from '../../../../shared/protocol/sdp/large-message-offer.ts';
import { decodeMsrpMedia, type MsrpMedia, type MsrpPlace } from '../../../../shared/protocol/sdp/msrp-media.ts';
import { readFileOffer } from '../../../../shared/protocol/sdp/read-file-offer.ts';
import { decodeSdp, encodeSdp, type Media, type SessionDescription } from '../../../../shared/protocol/sdp/sdp.ts';
import { bodiesOf, msrpOctets } from '../seeds.ts';
import { codec, stream, type Target, textCodec } from '../target.ts';

import { HEADER, optional } from './common.ts';

const MSRP_WORDS = [
  'MSRP ',
  ' SEND\r\n',
  ' 200 OK\r\n',
  '-------',
  '$\r\n',
  '\r\n-------',
  'To-Path: ',
  'From-Path: ',
  'Byte-Range: 1-*/*',
  'msrp://',
  ';tcp',
];

function msrpPieces(head: MsrpHead): void {
  for (const read of [byteRangeOf, statusOf, failureReportOf, successReportOf]) optional(() => read(head));
  for (const uri of [...head.toPath, ...head.fromPath]) optional(() => decodeMsrpUri(uri));
}

function sdpPieces(description: SessionDescription): void {
  const { offers } = readFileOffer(description);
  const place: MsrpPlace = { protocol: 'TCP/MSRP', address: '192.0.2.1', port: 9, path: ['msrp://192.0.2.1:1/b;tcp'] };
  const own = { origin: makeOrigin('192.0.2.1', 1), place };
  const file = { name: 'a.png', type: 'image/png', size: 5000, hashes: [], transferId: 'x' };
  optional(() => readLargeMessageAnswer(makeLargeMessageOffer({ ...own, size: 5000 }), description));
  optional(() => readFileAnswer(makeFileOffer({ ...own, ...file }), description));
  optional(() => readChatAnswer(makeChatOffer(own), description));
  const { media } = readChatOffer(description, '192.0.2.1');
  if (media !== null) encodeSdp(makeChatAnswer(description, media, own));
  const lines = new Map<number, Media>();
  for (const { mediaIndex } of offers)
    lines.set(mediaIndex, takenLine(description.media[mediaIndex] as MsrpMedia, { place, setup: 'passive' }));
  encodeSdp(makeFileAnswer(description, { origin: own.origin, address: place.address, lines }));
}

/** What the home network makes of a description that it stands in the way of: only that changes. */
function ledElsewhere(octets: Uint8Array, before: SessionDescription): void {
  const uri = 'msrp://192.0.2.9:2855/abcdefghijklmnopqrst;tcp';
  const after = decodeSdp(
    redirect(
      octets,
      '192.0.2.9',
      before.media.map((media) => (isLed(media) ? wayTo(uri, 'actpass') : null)),
    ),
  );
  const rest = (media: Media): unknown => {
    const kept = { ...media, title: null };
    return isLed(media) ? { ...kept, port: 2855, address: null, path: [uri], setup: 'actpass', fingerprint: null } : kept;
  };
  if (!isDeepStrictEqual(after.media.map(rest), before.media.map(rest))) throw new Error('something else changed');
  for (const media of after.media) if (isLed(media) && media.path[0] !== uri) throw new Error('it leads where it led');
}

function answerOf(status: string, fields: string): string {
  return `MSRP abcd ${status}\r\nTo-Path: msrp://a:1/x;tcp\r\nFrom-Path: msrps://r1.example:2855;tcp\r\n${fields}\r\n-------abcd$\r\n`;
}

interface FedFrame {
  readonly head: MsrpHead;
  readonly body: string | null;
  readonly flag: string;
}

function feedMsrp(parts: Iterable<Uint8Array>): unknown {
  const framer = new MsrpFramer(bufferOctets);
  const frames: FedFrame[] = [];
  let body = '';
  try {
    for (const part of parts) {
      framer.push(Buffer.from(part));
      for (let event = framer.next(); event !== null; event = framer.next()) {
        if (event === 'head') body = '';
        else if (event === 'body') body += Buffer.from(framer.body).toString('latin1');
        else frames.push({ head: framer.head as MsrpHead, body: framer.hasBody ? body : null, flag: framer.flag });
      }
      if (framer.held > MSRP_FRAMER_LIMITS.maxHead + 128) throw new Error('more is held back than one head');
    }
    return { frames, open: body.length, error: null };
  } catch (thrown) {
    if (!(thrown instanceof ParleyError)) throw thrown;
    return { frames, error: thrown.code };
  }
}

/** Sessions: their description, and MSRP with its framing. */
export const SESSION_TARGETS: readonly Target[] = [
  codec({
    name: 'sdp',
    covers: [
      decodeSdp,
      decodeMsrpMedia,
      readFileOffer,
      readFileAnswer,
      readFileMediaAnswer,
      readLargeMessageAnswer,
      readChatOffer,
      readChatAnswer,
    ],
    seeds: bodiesOf('application/sdp'),
    words: [
      'v=0\r\n',
      'm=message 9 TCP/MSRP *\r\n',
      'm=audio 0 RTP/AVP 0\r\n',
      'a=path:',
      'a=setup:',
      'a=file-selector:',
      'c=IN IP6 ::1',
      'a=rtpmap:',
      'a=ssrc:',
      'a=candidate:',
    ],
    decode: (input) => decodeSdp(input),
    encode: encodeSdp,
    use: sdpPieces,
  }),
  codec({
    name: 'sdp-redirected',
    covers: [redirect],
    seeds: bodiesOf('application/sdp'),
    words: [
      'm=message 9 TCP/MSRP *\r\n',
      'a=path:msrp://a:1/x;tcp\r\n',
      'a=setup:active\r\n',
      'c=IN IP4 192.0.2.1\r\n',
      'i=\r\n',
      '\r',
      '\n',
    ],
    decode: (octets) => ({ octets, description: decodeSdp(octets) }),
    use: ({ octets, description }) => ledElsewhere(octets, description),
  }),
  textCodec({
    name: 'file-selector',
    longest: 8192,
    covers: [decodeFileSelector],
    seeds: [
      'name:"map%20of%20the ridge.png" type:image/png size:4092 hash:sha-1:72:24:5F:E8:65:3D:DA:F3:71:36:2F:86:D4:71:91:3E:E4:A2:CE:2E',
      'size:0 type:text/plain;charset="UTF-8"',
    ],
    words: ['name:"', 'type:', 'size:', 'hash:sha-256:', ':AB'],
    decode: decodeFileSelector,
    encode: encodeFileSelector,
    // what was not received is written anew
    use: (selector) => optional(() => decodeFileSelector(encodeFileSelector({ ...selector, received: undefined as unknown as string }))),
  }),
  textCodec({
    name: 'fingerprint',
    longest: 8192,
    covers: [decodeFingerprint],
    seeds: [`sha-256 ${'4A:'.repeat(31)}ff`, 'SHA-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB'],
    words: ['sha-512 ', 'md5 ', ':AB'],
    decode: decodeFingerprint,
    encode: encodeFingerprint,
  }),
  textCodec({
    name: 'file-range',
    longest: 8192,
    covers: [decodeFileRange, decodeCount],
    seeds: ['1-5000', '4097-*'],
    words: ['*', '-'],
    decode(text) {
      optional(() => decodeCount(text));
      return decodeFileRange(text);
    },
    encode: encodeFileRange,
  }),
  codec({
    name: 'msrp-message',
    covers: [decodeFrame],
    seeds: msrpOctets,
    words: MSRP_WORDS,
    decode: (input) => decodeFrame(input),
    encode: encodeFrame,
    use: ({ head }) => msrpPieces(head),
  }),
  textCodec({
    name: 'msrp-head',
    longest: MSRP_FRAMER_LIMITS.maxHead,
    covers: [decodeHead, decodeByteRange],
    seeds: msrpOctets.map((octets) => encodeHead(decodeFrame(octets).head).replace(/\r\n$/, '')),
    words: MSRP_WORDS,
    decode: (text) => decodeHead(text),
    encode: (head) => encodeHead(head).replace(/\r\n$/, ''),
    use: msrpPieces,
  }),
  codec({
    name: 'msrp-auth',
    covers: [decodeAuthAnswer],
    seeds: [
      answerOf(
        '200 OK',
        'Use-Path: msrps://r1.example:2855/a;tcp msrps://r2.example:2855/b;tcp\r\nExpires: 900\r\nAuthentication-Info: nextnonce="x"',
      ),
      answerOf('401 Unauthorized', 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'),
      answerOf('423 Interval Out-of-Bounds', 'Min-Expires: 60'),
    ],
    words: [...MSRP_WORDS, 'msrps://', 'Digest ', 'nextnonce="', 'Use-Path: '],
    decode(input) {
      const { head } = decodeFrame(input);
      return head.kind === 'response' ? decodeAuthAnswer(head) : null;
    },
  }),
  textCodec({
    name: 'msrp-uri',
    longest: HEADER,
    covers: [decodeMsrpUri],
    seeds: msrpOctets.flatMap((octets) => [...decodeFrame(octets).head.toPath]),
    words: ['msrps://', '[::1]', ';tcp', ';ws', '%41', '@', ':2855'],
    decode: decodeMsrpUri,
    encode: encodeMsrpUri,
  }),
  stream({
    name: 'msrp-framer',
    covers: [MsrpFramer],
    seeds: [...msrpOctets, concatBytes(msrpOctets.slice(0, 4))],
    words: MSRP_WORDS,
    feed: feedMsrp,
  }),
];
