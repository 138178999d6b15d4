import { describe, expect, it } from 'vitest';
import { ParleyError } from '../../../shared/base/errors.ts';
import { decodeCSeq, encodeCSeq } from '../../../shared/protocol/sip/cseq.ts';
import { decodeNameAddr, encodeNameAddr } from '../../../shared/protocol/sip/name-addr.ts';
import { decodeParams, encodeParams, paramValue, withoutParam, withParam } from '../../../shared/protocol/sip/params.ts';
import {
  addressOfRecord,
  decodeSipUri,
  encodeSipUri,
  escapeUser,
  gruuInstance,
  sameSipUri,
  trySipUri,
  unescapeUser,
  uriScheme,
} from '../../../shared/protocol/sip/uri.ts';
import { decodeVia, encodeVia, viaBranch } from '../../../shared/protocol/sip/via.ts';

describe('URI', () => {
  it.each([
    'sip:alice@home1.example',
    'sips:bob:secret@[2001:db8::1]:5061;transport=tcp;lr?Subject=x',
    'sip:home1.example',
    'sip:tgruu.7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5@home1.example;gr',
    'sip:alice@home1.example;gr=urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6',
    'sip:+15551234567;phone-context=x@h.example;user=phone',
  ])('%s round trips', (text) => expect(encodeSipUri(decodeSipUri(text))).toBe(text));

  it.each(['', 'tel:+1', 'sip:', 'sip:a b@h', 'sip:a@', 'sip:a@h:99999', 'sip:@h', 'sip:a@h;', 'sip:<a@h>', 'sip:a@h:', 'sip:a@-h'])(
    'refuses %j',
    (text) => {
      expect(() => decodeSipUri(text)).toThrow(ParleyError);
      expect(trySipUri(text)).toBeNull();
    },
  );

  it('tells GRUUs, schemes and addresses-of-record', () => {
    expect(gruuInstance(decodeSipUri('sip:a@h;gr=urn:uuid:1'))).toBe('urn:uuid:1');
    expect(gruuInstance(decodeSipUri('sip:a@h;gr'))).toBe('');
    expect(gruuInstance(decodeSipUri('sip:a@h'))).toBeNull();
    expect(addressOfRecord(decodeSipUri('sips:%61lice@HOME.example:5060;gr=x?y=z'))).toBe('sip:alice@home.example');
    expect(uriScheme('TEL:+1')).toBe('tel');
    expect(escapeUser('a b@c/d')).toBe('a%20b%40c/d');
    expect(unescapeUser(escapeUser('ünï@ c'))).toBe('ünï@ c');
  });

  // RFC 3261 section 19.1.4 has these pairs
  it.each([
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtlanTa.CoM;Transport=tcp', true],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5', true],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off', false],
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP', false],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060', false],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp', false],
    ['sip:bob@biloxi.com;gr=urn:x', 'sip:bob@biloxi.com', false],
  ])('%s and %s are the same: %s', (a, b, same) => {
    expect(sameSipUri(decodeSipUri(a), decodeSipUri(b))).toBe(same);
    expect(sameSipUri(decodeSipUri(b), decodeSipUri(a))).toBe(same);
  });

  it('is the same as itself, also with a parameter that came twice', () => {
    const uri = decodeSipUri('sip:h;user=h;user');
    expect(sameSipUri(uri, uri)).toBe(true);
  });
});

describe('name-addr', () => {
  it('decodes names, brackets and parameters', () => {
    expect(decodeNameAddr('"A \\"b\\" <c>" <sip:a@h;x=1>;tag=2;flag')).toEqual({
      displayName: 'A "b" <c>',
      uri: 'sip:a@h;x=1',
      parameters: [
        { name: 'tag', value: '2' },
        { name: 'flag', value: null },
      ],
    });
    expect(decodeNameAddr('sip:a@h;tag=1')).toEqual({ displayName: null, uri: 'sip:a@h', parameters: [{ name: 'tag', value: '1' }] });
    expect(decodeNameAddr('T. desk <tel:+1>')).toMatchObject({ displayName: 'T. desk', uri: 'tel:+1' });
    expect(decodeNameAddr('Zoë <sip:z@h>').displayName).toBe('Zoë');
    expect(decodeNameAddr('*;expires=0').uri).toBe('*');
  });

  it.each([
    '',
    '"x" sip:a@h',
    '<sip:a@h',
    '"x <sip:a@h>',
    'a:b <sip:a@h>',
    '<sip:a b@h>',
    'sip:a@h?x=1',
    'sip:a,b@h',
    '<nothing>',
    '<sip:a@h>tag=1',
  ])('refuses %j', (text) => expect(() => decodeNameAddr(text)).toThrow(ParleyError));

  it('takes brackets inside of a parameter for what they are', () => {
    const text = '*;+sip.instance="<urn:uuid:1>";require';
    expect(decodeNameAddr(text)).toMatchObject({ displayName: null, uri: '*' });
    expect(encodeNameAddr(decodeNameAddr(text))).toBe(text);
    expect(decodeNameAddr('sip:a@h;+sip.instance="<urn:uuid:1>"').uri).toBe('sip:a@h');
    expect(() => decodeNameAddr('sip:a@h;b <sip:c@h>')).toThrow(ParleyError);
  });

  it('encodes with quotes and brackets', () => {
    const text = '"Q \\\\ \\"" <sip:a@h;lr>;tag=1;+sip.instance="<urn:uuid:1>"';
    expect(encodeNameAddr(decodeNameAddr(text))).toBe(text);
    expect(paramValue(decodeNameAddr(text).parameters, '+SIP.instance')).toBe('<urn:uuid:1>');
  });
});

describe('parameters', () => {
  it('keeps values as on the wire', () => {
    const text = ';a;b=c;d="e;\\"f"';
    expect(encodeParams(decodeParams(text))).toBe(text);
    expect(paramValue(decodeParams(text), 'D')).toBe('e;"f');
    expect(paramValue(decodeParams(text), 'a')).toBe('');
    expect(encodeParams(decodeParams(' ; a = 1 ;b'))).toBe(';a=1;b');
    expect(encodeParams(withParam(withoutParam(decodeParams(text), 'B'), 'A', '1'))).toBe(';a=1;d="e;\\"f"');
  });
  it.each([';', ';a=', ';a="x', 'a', ';a b', ';=1', ';a=1"x"'])('refuses %j', (text) =>
    expect(() => decodeParams(text)).toThrow(ParleyError),
  );
});

describe('Via and CSeq', () => {
  it('decodes and encodes', () => {
    const text = 'SIP/2.0/TCP [2001:db8::9]:5060;branch=z9hG4bK1;rport';
    expect(encodeVia(decodeVia(text))).toBe(text);
    expect(viaBranch(decodeVia(text))).toBe('z9hG4bK1');
    expect(encodeCSeq(decodeCSeq('0009  INVITE'))).toBe('9 INVITE');
  });
  it.each(['SIP/2.0/TCP', 'SIP/3.0/TCP h', 'SIP/2.0/TCP h:x', 'SIP/2.0/TCP h;'])('refuses the Via %j', (text) =>
    expect(() => decodeVia(text)).toThrow(ParleyError),
  );
  it.each(['1', 'INVITE', '2147483648 INVITE', '-1 INVITE', '1 INV ITE'])('refuses the CSeq %j', (text) =>
    expect(() => decodeCSeq(text)).toThrow(ParleyError),
  );
});
