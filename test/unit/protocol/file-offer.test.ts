import { describe, expect, it } from 'vitest';
import {
  acceptsType,
  makeFileAnswer,
  makeFileOffer,
  makeOrigin,
  readFileAnswer,
  setupRole,
  takenLine,
} from '../../../shared/protocol/sdp/file-offer.ts';
import { EMPTY_MSRP_MEDIA, type MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { readFileOffer } from '../../../shared/protocol/sdp/read-file-offer.ts';
import { decodeSdp, encodeSdp, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';

const PATH = 'msrp://192.0.2.10:5000/abc;tcp';
const SECURE_PATH = 'msrps://192.0.2.20:6000/def;tcp';
const FINGERPRINT = `sha-256 ${'AB:'.repeat(31)}CD`;
const OVER_TLS = { protocol: 'TCP/TLS/MSRP', path: [SECURE_PATH], fingerprint: FINGERPRINT } as const;

const PLACE = { protocol: 'TCP/MSRP', address: '192.0.2.20', port: 6000, path: ['msrp://192.0.2.20:6000/def;tcp'] } as const;

const offer = makeFileOffer({
  origin: makeOrigin('192.0.2.10', 1000),
  place: { protocol: 'TCP/MSRP', address: '192.0.2.10', port: 5000, path: [PATH] },
  name: 'a.txt',
  type: 'text/plain;charset=UTF-8',
  size: 10,
  hashes: [{ algorithm: 'sha-1', hex: '00ff' }],
  transferId: 'x'.repeat(32),
});

function withMedia(description: SessionDescription, changes: Partial<MsrpMedia>): SessionDescription {
  return { ...description, media: description.media.map((media) => (media.kind === 'msrp' ? { ...media, ...changes } : media)) };
}

function answerTo(description: SessionDescription, changes: Partial<MsrpMedia> = {}): SessionDescription {
  const line = takenLine(description.media[0] as MsrpMedia, { place: PLACE, setup: 'passive' });
  const own = { origin: makeOrigin('192.0.2.20', 2000), address: PLACE.address };
  return withMedia(makeFileAnswer(description, { ...own, lines: new Map([[0, line]]) }), changes);
}

describe('reading an offer of a file', () => {
  it('survives the wire', () => {
    expect(readFileOffer(decodeSdp(encodeSdp(offer))).offers).toEqual([
      {
        mediaIndex: 0,
        pull: false,
        name: 'a.txt',
        type: 'text/plain',
        size: 10,
        hashes: [{ algorithm: 'sha-1', hex: '00ff' }],
        transferId: 'x'.repeat(32),
        disposition: 'attachment',
        date: null,
        icon: null,
        title: null,
        range: null,
        remotePath: [PATH],
        setup: 'actpass',
        fingerprint: null,
        acceptTypes: ['message/cpim', 'text/plain'],
        acceptWrappedTypes: ['*'],
        maxSize: null,
      },
    ]);
  });

  it('R-FTR-04: a file that is asked for is read as a pull', () => {
    expect(readFileOffer(withMedia(offer, { direction: 'recvonly', maxSize: 100 })).offers).toMatchObject([{ pull: true, maxSize: 100 }]);
  });

  it.each([
    ['no-selector', { fileSelector: null }],
    ['no-path', { path: [] }],
    ['no-path', { path: ['sip:a@b'] }],
    ['no-direction', { direction: 'inactive' }],
    ['transport', { protocol: 'TCP/TLS/MSRP' }],
    ['transport', { path: [SECURE_PATH] }],
    ['fingerprint', { protocol: 'TCP/TLS/MSRP', path: [SECURE_PATH] }],
    ['fingerprint', { protocol: 'TCP/TLS/MSRP', path: [SECURE_PATH], fingerprint: 'md5 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF' }],
    ['fingerprint', { protocol: 'TCP/TLS/MSRP', path: [SECURE_PATH], fingerprint: 'sha-256 AB:CD' }],
    ['no-media', { port: 0 }],
    ['cema', { address: '192.0.2.99' }],
    ['cema', { port: 5001 }],
  ] as const)('R-FTR-05: refuses with 488 for %s', (reason, changes) => {
    const { offers, refusal } = readFileOffer(withMedia(offer, changes));
    expect(offers).toEqual([]);
    expect(refusal).toMatchObject({ reason, status: 488 });
  });

  it('an offer without any MSRP medium is refused', () => {
    const media = [{ kind: 'other', type: 'audio', port: 1, protocol: 'RTP/AVP', formats: '0' }] as const;
    expect(readFileOffer({ ...offer, media }).refusal).toMatchObject({ reason: 'no-media', code: 304 });
  });

  it('an address that differs from the path is taken with CEMA, and from a host name (RFC 6714)', () => {
    expect(readFileOffer(withMedia(offer, { address: '192.0.2.99', cema: true })).offers).toHaveLength(1);
    expect(readFileOffer(withMedia(offer, { path: ['msrp://alice.example:5000/abc;tcp'] })).offers).toHaveLength(1);
  });

  it('IPv6 in the path is compared without brackets, a path without a port means 2855', () => {
    const path = ['msrp://[2001:DB8::1]/abc;tcp'];
    expect(readFileOffer(withMedia(offer, { path, address: '2001:db8::1', port: 2855 })).offers).toHaveLength(1);
    expect(readFileOffer(withMedia(offer, { path, address: '2001:db8::2', port: 2855 })).refusal?.reason).toBe('cema');
  });

  it('render is the default disposition, size and name may be missing', () => {
    const little = withMedia(offer, { fileDisposition: null, fileSelector: { name: null, type: null, size: null, hashes: [] } });
    expect(readFileOffer(little).offers[0]).toMatchObject({ disposition: 'render', name: null, type: null, size: null });
  });
});

describe('answering', () => {
  it('takes the named file; every other medium keeps its place with port 0', () => {
    const [first] = offer.media;
    const audio = { kind: 'other', type: 'audio', port: 7000, protocol: 'RTP/AVP', formats: '0' } as const;
    const second: MsrpMedia = { ...(first as MsrpMedia), fileTransferId: 'second' };
    const description = { ...offer, media: [audio, first as MsrpMedia, second] };
    expect(readFileOffer(description).offers.map(({ mediaIndex }) => mediaIndex)).toEqual([1, 2]);
    const line = takenLine(first as MsrpMedia, { place: PLACE, setup: 'passive', maxSize: 100 });
    const answer = makeFileAnswer(description, { origin: offer.origin, address: PLACE.address, lines: new Map([[1, line]]) });
    expect(answer.media).toMatchObject([
      { kind: 'other', type: 'audio', port: 0 },
      { port: 6000, direction: 'recvonly', setup: 'passive', maxSize: 100, acceptTypes: ['message/cpim', 'text/plain'] },
      { port: 0, direction: 'recvonly', fileTransferId: 'second', fileSelector: second.fileSelector, path: [] },
    ]);
  });

  it('R-FTR-04: what is given to who asked for it is described in full, flows out, and takes only what reports on it', () => {
    const wish = withMedia(offer, { direction: 'recvonly', fileSelector: { name: null, type: null, size: null, hashes: [] } });
    const selector = { name: 'b.png', type: 'image/png', size: 7, hashes: [{ algorithm: 'sha-1', hex: '11aa' }] };
    const line = takenLine(wish.media[0] as MsrpMedia, { place: PLACE, setup: 'passive', selector });
    expect(line).toMatchObject({
      direction: 'sendonly',
      acceptTypes: ['message/cpim'],
      fileSelector: selector,
      fileTransferId: 'x'.repeat(32),
    });
  });

  it('mirrors the range, leaves out icon, disposition and date', () => {
    const resumed = withMedia(offer, { fileRange: { start: 5, stop: 10 }, fileIcon: 'i@x', fileDate: 'creation:"x"' });
    expect(answerTo(resumed).media[0]).toMatchObject({
      fileRange: { start: 5, stop: 10 },
      fileIcon: null,
      fileDate: null,
      fileDisposition: null,
    });
  });

  it.each([
    ['active', 'passive', 'passive'],
    ['passive', 'active', 'active'],
    ['actpass', 'passive', 'active'],
    [null, 'passive', 'passive'],
    ['holdconn', 'passive', 'passive'],
  ] as const)('setup %s is answered %s, or %s where active is preferred', (offered, role, preferred) => {
    expect(setupRole(offered)).toBe(role);
    expect(setupRole(offered, 'active')).toBe(preferred);
  });
});

describe('reading the answer', () => {
  it('tells path, role and form', () => {
    expect(readFileAnswer(offer, decodeSdp(encodeSdp(answerTo(offer))))).toMatchObject({
      remotePath: ['msrp://192.0.2.20:6000/def;tcp'],
      role: 'active',
      fingerprint: null,
      form: 'raw',
      maxSize: null,
    });
  });

  // RFC 6135 section 4.2: what is no answer to actpass counts as none, and who offered connects
  it.each([
    ['active', 'passive'],
    ['passive', 'active'],
    ['actpass', 'active'],
    ['holdconn', 'active'],
    [null, 'active'],
  ] as const)('setup %s in the answer makes us %s', (setup, role) => {
    expect(readFileAnswer(offer, decodeSdp(encodeSdp(answerTo(offer, { setup })))).role).toBe(role);
  });

  it('wraps where only message/cpim is taken', () => {
    const acceptTypes = ['message/cpim'];
    expect(readFileAnswer(offer, answerTo(offer, { acceptTypes, acceptWrappedTypes: ['text/plain'] })).form).toBe('cpim');
    expect(() => readFileAnswer(offer, answerTo(offer, { acceptTypes, acceptWrappedTypes: ['image/png'] }))).toThrow('peer.unsupported');
  });

  it.each([
    ['peer.declined', { port: 0 }],
    ['peer.malformed', { path: [] }],
    ['peer.malformed', { fileTransferId: 'other' }],
    ['peer.unsupported', { acceptTypes: ['image/png'] }],
    ['peer.unsupported', { fileRange: { start: 2, stop: 10 } }],
    ['peer.unsupported', { protocol: 'TCP/TLS/MSRP' }],
    ['peer.unsupported', { direction: 'inactive' }],
    ['peer.unsupported', { direction: 'sendonly' }],
  ] as const)('%s for %j', (code, changes) => {
    expect(() => readFileAnswer(offer, answerTo(offer, changes))).toThrow(code);
  });

  it.each([
    // an offer, an answer, what comes of it
    [{}, {}, null],
    [OVER_TLS, OVER_TLS, FINGERPRINT],
    [OVER_TLS, {}, 'peer.unsupported'],
    [{}, OVER_TLS, 'peer.unsupported'],
    [OVER_TLS, { ...OVER_TLS, fingerprint: null }, 'peer.unsupported'],
    // behind a relay: it proves its name
    [OVER_TLS, { ...OVER_TLS, path: ['msrps://relay.example:2855/r;tcp', SECURE_PATH], fingerprint: null }, null],
    [{}, { ...OVER_TLS, path: ['msrps://relay.example:2855/r;tcp', SECURE_PATH], fingerprint: null }, null],
    [{ ...OVER_TLS, path: ['msrps://relay.example:2855/r;tcp', SECURE_PATH], fingerprint: null }, {}, null],
  ] as const)('RFC 4975 14.4: %j answered %j', (offered, answered, outcome) => {
    const ours = withMedia(offer, offered);
    const read = (): unknown => readFileAnswer(ours, answerTo(ours, answered)).fingerprint;
    if (outcome === 'peer.unsupported') expect(read).toThrow(outcome);
    else expect(read()).toBe(outcome);
  });

  it('a part is not sent to who would take it for the whole', () => {
    const resumed = withMedia(offer, { fileRange: { start: 5, stop: 10 } });
    expect(readFileAnswer(resumed, answerTo(resumed)).form).toBe('raw');
    expect(() => readFileAnswer(resumed, answerTo(resumed, { fileRange: null }))).toThrow('peer.unsupported');
  });

  it('a range that says the same in other words is the same', () => {
    for (const fileRange of [
      { start: 1, stop: 10 },
      { start: 1, stop: null },
    ]) {
      expect(readFileAnswer(offer, answerTo(offer, { fileRange })).form).toBe('raw');
    }
  });

  it('an answer with other media is malformed', () => {
    expect(() => readFileAnswer(offer, { ...answerTo(offer), media: [] })).toThrow('peer.malformed');
    expect(() => readFileAnswer(offer, { ...answerTo(offer), media: [EMPTY_MSRP_MEDIA, EMPTY_MSRP_MEDIA] })).toThrow('peer.malformed');
  });
});

describe('accept-types', () => {
  it.each([
    [['*'], 'image/png', true],
    [['image/*'], 'image/png', true],
    [['IMAGE/PNG;q=1'], 'image/png', true],
    [['image/png'], 'Image/PNG;a=b', true],
    [['text/plain'], 'image/png', false],
    [[], 'image/png', false],
  ])('%j takes %s: %s', (acceptTypes, type, taken) => {
    expect(acceptsType(acceptTypes, type)).toBe(taken);
  });
});
