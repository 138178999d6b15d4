import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeSip, encodeSip } from '../../../shared/protocol/sip/codec.ts';
import { SipFramer } from '../../../shared/protocol/sip/framer.ts';
import { essentials } from '../../../shared/protocol/sip/validate.ts';

const folder = new URL('../../vectors/examples/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.sip'));

describe('the wire examples', () => {
  it('holds the flows F01, F02, F04, F11 and F13', () => {
    for (const flow of ['F01-01', 'F01-06', 'F02-01', 'F02-06', 'F04-01', 'F04-11', 'F11-01', 'F11-15', 'F13-01', 'F13-06']) {
      expect(names).toContain(`${flow}.sip`);
    }
  });

  it.each(names)('%s decodes and re-encodes octet for octet', (name) => {
    const octets = new Uint8Array(readFileSync(new URL(name, folder)));
    const message = decodeSip(octets);
    expect(essentials(message).callId).not.toBe('');
    expect(Buffer.compare(encodeSip(message), octets)).toBe(0);
  });

  it('come out of one stream as they went in', () => {
    const wanted = names.map((name) => new Uint8Array(readFileSync(new URL(name, folder))));
    const frames = new SipFramer().push(Buffer.concat(wanted));
    expect(frames).toHaveLength(wanted.length);
    for (const [at, frame] of frames.entries()) {
      expect(frame.kind === 'message' && Buffer.compare(frame.octets, wanted[at] as Uint8Array)).toBe(0);
    }
  });
});
