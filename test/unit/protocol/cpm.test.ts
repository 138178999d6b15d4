import { describe, expect, it } from 'vitest';
import {
  acceptContact,
  acceptContactInstance,
  contactFeature,
  instanceOf,
  preferredService,
  serviceOf,
} from '../../../shared/protocol/cpm/names.ts';
import { fileRejection, messageRejection, refusesFiles } from '../../../shared/protocol/cpm/rejection.ts';
import { encodeWarning, readWarnings, warningTexts } from '../../../shared/protocol/cpm/warning.ts';

const REF = '+g.3gpp.icsi-ref';
const CODED = 'urn%3Aurn-7%3A3gpp-service.ims.icsi.';
const header = (name: string, value: string) => ({ name, value });

describe('CPM names', () => {
  it('R-PM-01: Accept-Contact of a pager message', () => {
    expect(acceptContact('oma.cpm.msg')).toBe(`*;${REF}="${CODED}oma.cpm.msg";require;explicit`);
  });

  it('R-REG-02: the Contact carries all features in one quoted list', () => {
    expect(contactFeature(['oma.cpm.msg', 'oma.cpm.session'])).toBe(`${REF}="${CODED}oma.cpm.msg,${CODED}oma.cpm.session"`);
  });

  it('P-Preferred-Service and the Accept-Contact of a device', () => {
    expect(preferredService('oma.cpm.filetransfer')).toBe('urn:urn-7:3gpp-service.ims.icsi.oma.cpm.filetransfer');
    expect(acceptContactInstance('urn:uuid:1')).toBe('*;+sip.instance="<urn:uuid:1>";require;explicit');
  });

  it.each([
    ['parameters in the other order', [header('Accept-Contact', `*;require;explicit;${REF}="${CODED}oma.cpm.session"`)]],
    ['no require and explicit', [header('accept-contact', `*;${REF}="${CODED}oma.cpm.session"`)]],
    [
      'several header fields',
      [header('Accept-Contact', '*;+sip.instance="<urn:uuid:1>"'), header('Accept-Contact', `*;${REF}="${CODED}oma.cpm.session"`)],
    ],
    ['a comma list', [header('Accept-Contact', `*;+sip.instance="<urn:uuid:1>";explicit, *;${REF}="${CODED}oma.cpm.session"`)]],
    ['the compact name', [header('a', `*;${REF}="${CODED}oma.cpm.session"`)]],
    ['several URNs in one value', [header('Accept-Contact', `*;${REF}="urn%3Aurn-7%3Aother,${CODED}oma.cpm.session"`)]],
    ['colons', [header('Accept-Contact', `*;${REF}="urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session"`)]],
    [
      'lower-case escapes and a tag in capitals',
      [header('Accept-Contact', `*;+G.3GPP.ICSI-REF="${CODED.replaceAll('%3A', '%3a')}oma.cpm.session"`)],
    ],
    ['P-Asserted-Service', [header('P-Asserted-Service', 'urn:urn-7:other, urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session')]],
    ['Contact', [header('m', `"x;${REF}=no" <sip:a@b;x=1>;${REF}="${CODED}oma.cpm.session"`)]],
    [
      'Accept-Contact before the others',
      [
        header('Contact', `<sip:a@b>;${REF}="${CODED}oma.cpm.msg"`),
        header('P-Asserted-Service', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.largemsg'),
        header('Accept-Contact', `*;${REF}="${CODED}oma.cpm.session"`),
      ],
    ],
  ])('reads the service from %s', (_, headers) => {
    expect(serviceOf(headers)).toBe('oma.cpm.session');
  });

  it.each([
    ['nothing', []],
    ['an unknown service', [header('Accept-Contact', `*;${REF}="${CODED}oma.cpm.dance"`)]],
    ['a display name', [header('Contact', `"${REF}=urn" <sip:a@b;${REF}=x>`)]],
    ['a parameter of the URI', [header('Contact', `<sip:a@b;${REF}=${CODED}oma.cpm.msg;x=1>`)]],
    ['a Contact with several services', [header('Contact', `<sip:a@b>;${contactFeature(['oma.cpm.msg', 'oma.cpm.session'])}`)]],
    ['an absurd length', [header('Accept-Contact', `*;${REF}="${CODED}oma.cpm.msg${' '.repeat(20_000)}"`)]],
  ])('no service from %s', (_, headers) => {
    expect(serviceOf(headers)).toBeNull();
  });

  it('reads the device of a request', () => {
    expect(instanceOf([header('Contact', '<sip:a@b;gr=urn:uuid:9>;+sip.instance="<urn:uuid:1>"')])).toBe('urn:uuid:1');
    expect(instanceOf([header('Contact', '<sip:a@b>')])).toBeNull();
    expect(instanceOf([header('Contact', '<sip:a@b>;+sip.instance="<urn:uuid:1\\";require>"')])).toBeNull();
  });
});

describe('Warning', () => {
  it('reads any number of values, escapes and commas in the text, and the codes peers invent', () => {
    const headers = [
      header('Warning', '399 home2.example "133 Size exceeded", 305 x "a, \\"b\\""'),
      header('warning', '403 SIP "122 Function not allowed"'),
      header('Warning', 'nonsense'),
    ];
    expect(warningTexts(headers)).toEqual(['133 Size exceeded', 'a, "b"', '122 Function not allowed']);
    expect(readWarnings(headers).map(({ code }) => code)).toEqual([399, 305, 403]);
    expect(refusesFiles(headers)).toBe(true);
    expect(refusesFiles(headers.slice(0, 1))).toBe(false);
  });

  it('what is written is read', () => {
    const warning = { code: 399, agent: 'a.example', text: '122 "x" \\' };
    expect(readWarnings([header('Warning', encodeWarning(warning))])).toEqual([warning]);
  });
});

describe('what a refusal means', () => {
  it.each([
    [302, 'peer.unavailable', true],
    [400, 'peer.malformed', true],
    [403, 'peer.not-allowed', true],
    [404, 'peer.unknown', true],
    [408, 'peer.timeout', false],
    [410, 'peer.unknown', true],
    [413, 'peer.too-large', true],
    [415, 'peer.unsupported', true],
    [420, 'peer.unsupported', true],
    [480, 'peer.unavailable', false],
    [486, 'peer.unavailable', false],
    [488, 'peer.unsupported', true],
    [499, 'peer.unsupported', true],
    [500, 'link.server', false],
    [503, 'link.server', false],
    [599, 'link.server', false],
    [603, 'peer.declined', true],
    [416, 'peer.unknown', true],
    [483, 'link.server', true],
    [505, 'peer.unsupported', true],
    [502, 'link.server', false],
    [604, 'peer.unknown', true],
    [700, 'peer.malformed', true],
  ] as const)('of a message: %i is %s', (status, code, permanent) => {
    expect(messageRejection(status)).toMatchObject({ code, permanent, retryAfter: null });
  });

  it.each([
    [603, 'peer.declined', true],
    [488, 'peer.declined', true],
    [606, 'peer.declined', true],
    [480, 'peer.unavailable', false],
    [486, 'peer.unavailable', false],
    [487, 'file.cancelled', true],
    [403, 'peer.not-allowed', true],
    [415, 'peer.unsupported', true],
    [404, 'peer.unknown', true],
    [500, 'link.server', false],
  ] as const)('R-FTR-15: of a file: %i is %s', (status, code, permanent) => {
    expect(fileRejection(status)).toMatchObject({ code, permanent, retryAfter: null });
  });

  it('of a file: a Warning tells a size or a medium apart from a person', () => {
    const warned = (status: number, value: string) => fileRejection(status, [header('Warning', value)]).code;
    expect(warned(403, '399 x "133 Size exceeded"')).toBe('peer.too-large');
    expect(warned(403, '399 x "122 Function not allowed"')).toBe('network.not-offered');
    expect(warned(403, '399 x "127 Service not authorised"')).toBe('network.not-subscribed');
    expect(warned(403, '399 x "Content not allowed"')).toBe('network.screened');
    expect(warned(404, '399 x "Content not allowed"')).toBe('peer.unknown');
    expect(warned(488, '305 x "Incompatible media format"')).toBe('peer.unsupported');
    expect(warned(488, '370 x "Insufficient bandwidth"')).toBe('peer.unsupported');
    expect(warned(488, '399 x "no thanks"')).toBe('peer.declined');
  });

  it('what refuses the MESSAGE itself lets the text leave in large message mode, and nothing else does', () => {
    const large = Array.from({ length: 400 }, (_, n) => 300 + n).filter((status) => messageRejection(status).tryLarge);
    expect(large).toEqual([405, 413, 501, 513]);
  });

  it('Retry-After is kept', () => {
    expect(messageRejection(503, [header('Retry-After', '120 (maintenance);duration=60')]).retryAfter).toBe(120);
    expect(messageRejection(503, [header('Retry-After', 'soon')]).retryAfter).toBeNull();
  });
});
