import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParleyError } from '../../../shared/base/errors.ts';
import { decodeSip, encodeSip } from '../../../shared/protocol/sip/codec.ts';
import { decodeChallenge, decodeCredentials } from '../../../shared/protocol/sip/digest.ts';
import { type SipFrame, SipFramer } from '../../../shared/protocol/sip/framer.ts';
import type { SipMessage } from '../../../shared/protocol/sip/message.ts';
import { decodeNameAddr, encodeNameAddr } from '../../../shared/protocol/sip/name-addr.ts';
import { decodeParams, encodeParams } from '../../../shared/protocol/sip/params.ts';
import { decodeSipUri, encodeSipUri } from '../../../shared/protocol/sip/uri.ts';
import { essentials } from '../../../shared/protocol/sip/validate.ts';
import { decodeVia } from '../../../shared/protocol/sip/via.ts';

const RUNS = 300;
const token = fc.stringMatching(/^[A-Za-z0-9\-.!%*_+`'~]{1,12}$/);
const lineText = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => text.replace(/[\r\n]/g, '').trim());
const field = fc.record({
  name: fc.oneof(
    fc.constantFrom('Via', 'To', 'Call-ID', 'Contact', 'Conversation-ID', 'WWW-Authenticate'),
    token.map((name) => `X-${name}`),
  ),
  value: lineText,
});
const common = { headers: fc.array(field, { maxLength: 12 }), body: fc.uint8Array({ maxLength: 300 }) };
const message: fc.Arbitrary<SipMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('request' as const),
    method: token,
    uri: fc.stringMatching(/^sip:[a-z0-9]{1,8}@[a-z0-9.]{1,12}$/),
    ...common,
  }),
  fc.record({ kind: fc.constant('response' as const), status: fc.integer({ min: 100, max: 699 }), reason: lineText, ...common }),
);
const coded = (run: () => unknown): void => {
  try {
    run();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ParleyError);
  }
};
const texts = (frames: readonly SipFrame[]): string[] =>
  frames.flatMap((frame) =>
    frame.kind === 'message' ? [Buffer.from(frame.octets).toString('latin1')] : frame.kind === 'ping' ? ['ping'] : [],
  );

describe('SIP codec and framer', () => {
  it('decode ∘ encode is the identity', () => {
    fc.assert(
      fc.property(message, (whole) => {
        expect(decodeSip(encodeSip(whole))).toEqual(whole);
      }),
      { numRuns: RUNS },
    );
  });

  it('any split of the byte stream gives the same messages and pings', () => {
    const piece = fc.oneof(
      { weight: 3, arbitrary: message.map((whole) => Buffer.from(encodeSip(whole))) },
      fc.constant(Buffer.from('\r\n\r\n')),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 30 }),
        (pieces, sizes) => {
          const stream = Buffer.concat(pieces);
          const framer = new SipFramer();
          const frames: SipFrame[] = [];
          for (let at = 0, turn = 0; at < stream.length; turn++) {
            const size = sizes[turn % sizes.length] as number;
            frames.push(...framer.push(stream.subarray(at, at + size)));
            at += size;
          }
          expect(texts(frames)).toEqual(pieces.map((octets) => (octets.length === 4 ? 'ping' : octets.toString('latin1'))));
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('random octets and damaged messages give nothing but coded errors', () => {
    const damaged = fc.tuple(message, fc.nat(), fc.nat({ max: 255 })).map(([whole, at, octet]) => {
      const octets = encodeSip(whole);
      octets[at % octets.length] = octet;
      return octets as Uint8Array;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), damaged), (octets) => {
        coded(() => essentials(decodeSip(octets)));
        coded(() => {
          const framer = new SipFramer();
          framer.push(octets);
          framer.push(octets);
        });
      }),
      { numRuns: RUNS * 5 },
    );
  });

  it('random text gives the grammar decoders nothing but coded errors, and what they accept round trips', () => {
    const structured = fc.string({ unit: fc.constantFrom(...'sip:@<>";=,\\% ahb1[]?*./'), maxLength: 30 });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          structured,
          structured.map((text) => `sip:${text}`),
          structured.map((text) => `Digest ${text}`),
        ),
        (text) => {
          for (const decode of [decodeVia, decodeChallenge, decodeCredentials]) coded(() => decode(text));
          coded(() => {
            const uri = decodeSipUri(text);
            expect(decodeSipUri(encodeSipUri(uri))).toEqual(uri);
          });
          coded(() => {
            const address = decodeNameAddr(text);
            expect(decodeNameAddr(encodeNameAddr(address))).toEqual(address);
          });
          coded(() => {
            const params = decodeParams(text);
            expect(decodeParams(encodeParams(params))).toEqual(params);
          });
        },
      ),
      { numRuns: RUNS * 10 },
    );
  });
});
