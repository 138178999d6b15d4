import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { type SipFrame, SipFramer } from '../../../shared/protocol/sip/framer.ts';

const MESSAGE = 'MESSAGE sip:b@h SIP/2.0\r\nl: 6\r\nTo: x\r\n\r\nhé€';
const show = (frames: readonly SipFrame[]): string[] =>
  frames.map((frame) => (frame.kind === 'message' ? fromUtf8(frame.octets) : frame.kind));
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof ParleyError) return thrown.code;
    throw thrown;
  }
  return 'none';
};

describe('SipFramer', () => {
  it('cuts by octets and tells keep-alives', () => {
    expect(show(new SipFramer().push(utf8(`\r\n\r\n${MESSAGE}\r\n${MESSAGE}\r\n\r\n`)))).toEqual([
      'ping',
      MESSAGE,
      'pong',
      MESSAGE,
      'ping',
    ]);
  });

  it('gives the same for one octet at a time, and the ping even when it came in halves', () => {
    const framer = new SipFramer();
    const frames = [...utf8(`\r\n\r\n${MESSAGE}${MESSAGE}`)].flatMap((octet) => framer.push(Uint8Array.of(octet)));
    expect(show(frames)).toEqual(['pong', 'ping', MESSAGE, MESSAGE]);
  });

  it('reads a folded Content-Length', () => {
    expect(show(new SipFramer().push(utf8('OPTIONS sip:h SIP/2.0\r\nContent-Length :\r\n  2\r\nTo: x\r\n\r\nab')))).toHaveLength(1);
  });

  it('keeps delivered octets when the buffer is used again', () => {
    const framer = new SipFramer();
    const [first] = framer.push(utf8(MESSAGE));
    framer.push(utf8(MESSAGE.replace('To: x', 'To: y')));
    expect(show([first as SipFrame])).toEqual([MESSAGE]);
    expect(framer.isInsideMessage).toBe(false);
    framer.push(utf8('MES'));
    expect(framer.isInsideMessage).toBe(true);
  });

  it.each([
    ['binary garbage', '\u0000\u0001\u0002'],
    ['another protocol', 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['bare LF', 'OPTIONS sip:h SIP/2.0\nl: 0\n\n'],
    ['no Content-Length', 'OPTIONS sip:h SIP/2.0\r\nTo: x\r\n\r\n'],
    ['two Content-Length', 'OPTIONS sip:h SIP/2.0\r\nl: 0\r\nContent-Length: 0\r\n\r\n'],
    ['a Content-Length of words', 'OPTIONS sip:h SIP/2.0\r\nl: ten\r\n\r\n'],
    ['CR without LF between messages', '\rOPTIONS'],
  ])('throws sip.malformed for %s, and for ever after', (_, octets) => {
    const framer = new SipFramer();
    expect(codeOf(() => framer.push(utf8(octets)))).toBe('sip.malformed');
    expect(codeOf(() => framer.push(utf8(MESSAGE)))).toBe('sip.malformed');
    expect(framer.failure?.code).toBe('sip.malformed');
  });

  it('throws sip.too-large before it keeps more than its limits', () => {
    const framer = new SipFramer({ headerOctets: 100 });
    framer.push(utf8('OPTIONS sip:h SIP/2.0\r\n'));
    expect(codeOf(() => framer.push(utf8(`To: ${'x'.repeat(100)}`)))).toBe('sip.too-large');
    expect(codeOf(() => new SipFramer({ bodyOctets: 9 }).push(utf8('OPTIONS sip:h SIP/2.0\r\nl: 10\r\n\r\n')))).toBe('sip.too-large');
  });

  it('returns the messages before the point where the stream broke', () => {
    const framer = new SipFramer();
    expect(show(framer.push(utf8(`${MESSAGE}\u0000`)))).toEqual([MESSAGE]);
    expect(framer.failure?.code).toBe('sip.malformed');
  });

  it('looks at each octet a constant number of times, however it is split', () => {
    const body = 'b'.repeat(400_000);
    const octets = utf8(`MESSAGE sip:b@h SIP/2.0\r\nX: ${'y'.repeat(60_000)}\r\nl: ${body.length}\r\n\r\n${body}`);
    const original = Uint8Array.prototype.indexOf;
    let looked = 0;
    Uint8Array.prototype.indexOf = function indexOf(this: Uint8Array, wanted: number, from = 0): number {
      const found = original.call(this, wanted, from);
      looked += (found < 0 ? this.length : found + 1) - from;
      return found;
    };
    try {
      const framer = new SipFramer();
      let frames = 0;
      for (let at = 0; at < octets.length; at += 7) frames += framer.push(octets.subarray(at, at + 7)).length;
      expect(frames).toBe(1);
      expect(looked).toBeLessThan(octets.length);
    } finally {
      Uint8Array.prototype.indexOf = original;
    }
  });
});
