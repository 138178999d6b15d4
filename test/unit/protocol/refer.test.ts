import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/base/bytes.ts';
import { isFocus } from '../../../shared/protocol/cpm/names.ts';
import { decodeReferred, decodeReferTo, encodeReferred, readReferSub, replacedSession } from '../../../shared/protocol/refer/refer-to.ts';
import { decodeSipfrag, encodeSipfrag } from '../../../shared/protocol/refer/sipfrag.ts';
import { CLOSED_GROUP, EMPTY_MSRP_MEDIA, isClosedGroup, type MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { decodeSdp, encodeSdp } from '../../../shared/protocol/sdp/sdp.ts';

describe('whom a request is to be sent to', () => {
  it.each([
    ['sip:d@a;method=BYE', 'sip:d@a', 'BYE'],
    ['sip:d@a?method=BYE', 'sip:d@a', 'BYE'],
    ['sip:d@a;gr=x;Method=bye;lr', 'sip:d@a;gr=x;lr', 'BYE'],
    ['sip:d@a;method=INVITE?method=BYE', 'sip:d@a', 'INVITE'],
    ['sip:d;method=BYE@a', 'sip:d;method=BYE@a', null],
    ['sip:d?method=BYE@a', 'sip:d?method=BYE@a', null],
    ['tel:+4930;method=BYE', 'tel:+4930', 'BYE'],
    ['cid:x;method=y@a', 'cid:x', 'Y@A'],
  ])('%s', (text, uri, method) => {
    if (method === 'Y@A') expect(() => decodeReferred(text)).toThrow('sip.malformed');
    else expect(decodeReferred(text)).toEqual({ uri, method, headers: [] });
  });

  it.each(['Session-Replaces', 'session-replaces', 'CPM-Replaces', 'cpm-replaces'])('tells the session to replace by %s', (name) => {
    const { uri, headers } = decodeReferred(`sip:b@a;gr=1?Subject=x&${name}=ab%2F7`);
    expect([uri, replacedSession(headers)]).toEqual(['sip:b@a;gr=1', 'ab/7']);
  });

  it('is read with and without brackets, with a name, and with parameters of the header', () => {
    expect(decodeReferTo('"D" <sip:d@a;method=BYE>;x=1')).toMatchObject({ uri: 'sip:d@a', method: 'BYE' });
    // without brackets it is a parameter of the header (RFC 3261 section 20)
    expect(decodeReferTo('sip:d@a;method=BYE')).toMatchObject({ uri: 'sip:d@a', method: null });
  });

  it('escapes what a header of a URI cannot hold', () => {
    const referred = { uri: 'sip:b@a', method: 'INVITE', headers: [{ name: 'Subject', value: 'a&b=c; d@e' }] };
    expect(encodeReferred(referred)).toBe('sip:b@a;method=INVITE?Subject=a%26b%3Dc%3B%20d%40e');
    expect(decodeReferred(encodeReferred(referred))).toEqual(referred);
  });

  it.each(['sip:b@a?x=1', 'sip:b@a;method=BYE', 'no uri', 'sip:b@a>', ''])('of %s nothing is made', (uri) => {
    expect(() => encodeReferred({ uri, method: 'BYE', headers: [] })).toThrow('sip.malformed');
  });

  it('with more headers than anybody means is refused', () => {
    expect(() => decodeReferred(`sip:b@a?${Array.from({ length: 40 }, (_, at) => `h${at}=1`).join('&')}`)).toThrow('sip.malformed');
  });

  it.each([
    [null, true],
    ['true', true],
    ['false', false],
    [' FALSE ;x=1', false],
    ['maybe', true],
  ])('Refer-Sub %s means %s', (value, expected) => {
    expect(readReferSub(value)).toBe(expected);
  });
});

describe('how far it is', () => {
  it('is told by the last status line', () => {
    const fragment = 'SIP/2.0 100 Trying\r\nVia: x\r\n\r\nSIP/2.0 603 Decline it\r\nReason: SIP;cause=200\r\n';
    expect(decodeSipfrag(utf8(fragment))).toEqual({ status: 603, reason: 'Decline it' });
    expect(decodeSipfrag(utf8('SIP/2.0 486'))).toEqual({ status: 486, reason: '' });
  });

  it.each(['', 'OK', 'SIP/2.0 700 X', 'SIP/2.0 99', ' SIP/2.0 200 OK', 'SIP/3.0 200 OK'])('is not told by %j', (text) => {
    expect(() => decodeSipfrag(utf8(text))).toThrow('sip.malformed');
  });

  it('is not written with a line break or without a status', () => {
    expect(() => encodeSipfrag({ status: 200, reason: 'a\r\nb' })).toThrow('sip.malformed');
    expect(() => encodeSipfrag({ status: 99, reason: 'a' })).toThrow('sip.malformed');
    expect(() => decodeSipfrag(new Uint8Array(100_000))).toThrow('sip.too-large');
  });
});

describe('what says that somebody is a focus', () => {
  it.each([
    ['<sip:g@a>;isfocus', true],
    ['<sip:g@a>;x=1;IsFocus;+g="a,b"', true],
    ['<sip:g@a>;isfocus="TRUE"', true],
    ['<sip:g@a>;isfocus="FALSE"', false],
    ['<sip:g@a;isfocus>', false],
    ['<sip:g@a>;x=";isfocus"', false],
    ['<sip:g@a>', false],
  ])('%s: %s', (value, expected) => {
    expect(isFocus([{ name: 'm', value }])).toBe(expected);
    expect(isFocus([{ name: 'X', value }])).toBe(false);
  });
});

describe('what the focus lets do', () => {
  const decoded = (attribute: string): MsrpMedia =>
    decodeSdp(`v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\n${attribute}`).media[0] as MsrpMedia;

  it.each([
    ['', null],
    ['a=chatroom\r\n', []],
    ['a=chatroom:nickname private-messages\r\n', ['nickname', 'private-messages']],
  ])('%j', (attribute, chatroom) => {
    const media = decoded(attribute);
    expect(media.chatroom).toEqual(chatroom);
    expect(isClosedGroup(media)).toBe(false);
    const written = encodeSdp({
      origin: { user: '-', id: '1', version: '1', address: '192.0.2.1' },
      name: '-',
      address: null,
      media: [media],
    });
    expect((decodeSdp(written).media[0] as MsrpMedia).chatroom).toEqual(chatroom);
  });

  it.each([CLOSED_GROUP, CLOSED_GROUP.replaceAll('%3A', ':'), CLOSED_GROUP.toUpperCase()])('does not let add by %s', (token) => {
    expect(isClosedGroup(decoded(`a=chatroom:nickname ${token}\r\n`))).toBe(true);
    expect(isClosedGroup({ ...EMPTY_MSRP_MEDIA, chatroom: [CLOSED_GROUP] })).toBe(true);
  });
});
