import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import { contentHeader, cpimContent, decodeCpim, encodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { ALL_DISPOSITIONS, cpimAddress, cpimDateTime, imdnRequest, makeCpim } from '../../shared/protocol/cpim/cpim-message.ts';
import { applicationFeature, FILE_THUMBNAIL, instanceOf, namesApplication, serviceOf } from '../../shared/protocol/cpm/names.ts';
import { fileRejection } from '../../shared/protocol/cpm/rejection.ts';
import { decodeDeferredInfo, encodeDeferredInfo } from '../../shared/protocol/deferred-info/deferred-info.ts';
import { DEFERRED_NOTIFICATION_TYPES, decodeDeferredNotification } from '../../shared/protocol/deferred-info/notification.ts';
import { decodeImdn, encodeImdn } from '../../shared/protocol/imdn/imdn.ts';
import { decodeDeferredRequest, encodeDeferredRequest } from '../../shared/protocol/lists/deferred-request.ts';
import { decodeResourceLists, encodeResourceLists, listEntry } from '../../shared/protocol/lists/resource-lists.ts';
import { mimeHeader } from '../../shared/protocol/mime/headers.ts';
import {
  decodeMultipart,
  encodeMultipart,
  partByContentId,
  partContent,
  partContentType,
  rootPart,
} from '../../shared/protocol/multipart/multipart.ts';
import { decodeIconPart, encodeIconPart } from '../../shared/protocol/picture/icon-part.ts';
import { makeFileAnswer, makeFileOffer, readFileAnswer, setupRole, takenLine } from '../../shared/protocol/sdp/file-offer.ts';
import { makeLargeMessageOffer, readLargeMessageAnswer } from '../../shared/protocol/sdp/large-message-offer.ts';
import type { MsrpMedia } from '../../shared/protocol/sdp/msrp-media.ts';
import { readFileOffer } from '../../shared/protocol/sdp/read-file-offer.ts';
import { decodeSdp, encodeSdp, type SessionDescription } from '../../shared/protocol/sdp/sdp.ts';
import { headerOf, sipExample } from './example.ts';

const SHA1 = '5f6d561a575723677cefb94c3c1d598a18b04eaa';

function offerOf(name: string): SessionDescription {
  const invite = sipExample(name);
  const type = headerOf(invite, 'Content-Type');
  if (type === 'application/sdp') return decodeSdp(invite.body);
  return decodeSdp(rootPart(decodeMultipart(invite.body, type), type).body);
}

describe('the bodies of the wire examples', () => {
  it.each(['F02-01.sip', 'F02-03.sip', 'F02-05.sip', 'F11-14.sip'])('CPIM of %s decodes and encodes to the same octets', (name) => {
    const { body } = sipExample(name);
    expect(encodeCpim(decodeCpim(body))).toEqual(body);
  });

  it('R-PM-13: a message is made in the exact shape of F02-01, with its request for notifications', () => {
    const { body } = sipExample('F02-01.sip');
    const made = makeCpim({
      from: 'sip:alice@home1.example',
      to: 'sip:bob@home2.example',
      dateTime: '2026-03-02T09:15:30.120Z',
      imdnMessageId: 'NyC9j54VIcLqyGMjJwEsdvAM',
      dispositions: ALL_DISPOSITIONS,
      contentType: 'text/plain;charset=UTF-8',
      content: 'Grüße from the desk – shall we meet at 10?',
    });
    expect(fromUtf8(encodeCpim(made))).toBe(fromUtf8(body));
  });

  it('R-PM-10: the message and the list of F03-01 are read, and the list is written octet by octet', () => {
    const request = sipExample('F03-01.sip');
    const { parts } = decodeMultipart(request.body, headerOf(request, 'Content-Type'));
    expect(parts.map((part) => partContentType(part).type)).toEqual(['message/cpim', 'application/resource-lists+xml']);
    const [message, list] = parts as [(typeof parts)[number], (typeof parts)[number]];
    expect(encodeCpim(decodeCpim(message.body))).toEqual(message.body);
    expect(mimeHeader(list.headers, 'Content-Disposition')).toBe('recipient-list');
    const entries = [
      listEntry('sip:bob@home2.example'),
      listEntry('sip:carol@home1.example'),
      listEntry('sip:dave@home2.example', 'cc'),
      listEntry('sip:erin@home1.example', 'bcc'),
    ];
    expect(decodeResourceLists(list.body)).toEqual({ entries, hasReferences: false });
    expect(fromUtf8(encodeResourceLists(entries))).toBe(fromUtf8(list.body));
  });

  it('the waiting items of F19-03 are read, and the list is written octet by octet', () => {
    const { body } = sipExample('F19-03.sip');
    const info = decodeDeferredInfo(body);
    expect(info).toMatchObject({ version: 1, state: 'full', removed: [] });
    expect(info.items.map(({ kind, from }) => [kind, from])).toEqual([
      ['pager', 'sip:bob@home2.example'],
      ['large', 'sip:carol@home1.example'],
      ['pager', 'sip:dave@home2.example'],
      ['file', 'sip:bob@home2.example'],
      ['pager', 'sip:erin@home1.example'],
    ]);
    expect(info.items[3]).toEqual({
      uri: 'sip:dm-5f1c7a93@home1.example',
      kind: 'file',
      from: 'sip:bob@home2.example',
      sent: Date.UTC(2026, 2, 1, 21, 10),
      size: 204_800,
      expires: Date.UTC(2026, 2, 15, 21, 10),
      contentType: 'image/jpeg',
      subject: 'ridge.jpg',
    });
    expect(decodeDeferredNotification(headerOf(sipExample('F19-03.sip'), 'Content-Type'), body)).toEqual({ kind: 'list', ...info });
    expect(DEFERRED_NOTIFICATION_TYPES).toBe(headerOf(sipExample('F19-01.sip'), 'Accept'));
    expect(fromUtf8(encodeDeferredInfo(info))).toBe(fromUtf8(body));
  });

  it('R-DEF-02 R-DEF-07 R-DEF-08 R-DEF-09 R-DEF-10: the choices of F20-01 are read, and the list is written octet by octet', () => {
    const request = sipExample('F20-01.sip');
    const [, list] = decodeMultipart(request.body, headerOf(request, 'Content-Type')).parts;
    expect(list && mimeHeader(list.headers, 'Content-Disposition')).toBe('recipient-list');
    const choices = (['deliver', 'deliver', 'delete', 'store', 'interwork'] as const).map((action, at) => ({
      uri: `sip:dm-5f1c7a9${at}@home1.example`,
      action,
    }));
    expect(decodeDeferredRequest(list?.body ?? new Uint8Array(0))).toEqual(choices);
    expect(fromUtf8(encodeDeferredRequest(choices))).toBe(fromUtf8(list?.body ?? new Uint8Array(0)));
  });

  it('what a message of F02-01 says is read', () => {
    const message = decodeCpim(sipExample('F02-01.sip').body);
    expect(imdnRequest(message)).toEqual({
      messageId: 'NyC9j54VIcLqyGMjJwEsdvAM',
      dispositions: new Set(['positive-delivery', 'negative-delivery', 'display']),
      route: [],
      originalTo: null,
    });
    expect(cpimDateTime(message)).toEqual({ text: '2026-03-02T09:15:30.120Z', time: Date.UTC(2026, 2, 2, 9, 15, 30, 120) });
    expect(cpimAddress(message, 'From')).toEqual({ uri: 'sip:alice@home1.example', name: '' });
    expect(contentHeader(message, 'content-TYPE')).toBe('text/plain;charset=UTF-8');
    expect(fromUtf8(cpimContent(message))).toBe('Grüße from the desk – shall we meet at 10?');
  });

  it.each([
    ['F02-03.sip', 'delivery', 'delivered'],
    ['F02-05.sip', 'display', 'displayed'],
  ] as const)('the notification of %s is read and written octet by octet', (name, disposition, status) => {
    const message = decodeCpim(sipExample(name).body);
    const imdn = decodeImdn(message.content);
    expect(imdn).toEqual({
      messageId: 'NyC9j54VIcLqyGMjJwEsdvAM',
      dateTime: '2026-03-02T09:15:30.120Z',
      recipientUri: 'sip:bob@home2.example',
      originalRecipientUri: 'sip:bob@home2.example',
      disposition,
      status,
    });
    const uri = 'sip:bob@home2.example';
    const { messageId } = imdn;
    const written = encodeImdn({
      messageId,
      dateTime: '2026-03-02T09:15:30.120Z',
      recipientUri: uri,
      originalRecipientUri: uri,
      disposition,
      status,
    });
    expect(fromUtf8(written)).toBe(fromUtf8(message.content));
    expect(contentHeader(message, 'Content-Disposition')).toBe('notification');
    expect(imdnRequest(message).dispositions.size).toBe(0);
  });

  it('R-FTR-11: the notification of F11-14 reports the Message-ID that the INVITE of F11-01 asked with', () => {
    const invite = sipExample('F11-01.sip');
    const type = headerOf(invite, 'Content-Type');
    const part = partByContentId(decodeMultipart(invite.body, type), 'imdn11@home1.example');
    const asked = imdnRequest(decodeCpim(part?.body ?? new Uint8Array()));
    const imdn = decodeImdn(decodeCpim(sipExample('F11-14.sip').body).content);
    expect(imdn.messageId).toBe(asked.messageId);
    expect(asked.dispositions).toContain('positive-delivery');
    expect(imdn.status).toBe('delivered');
  });

  it('the multipart of F11-01 and every part of it decode and encode to the same octets', () => {
    const { body, ...invite } = sipExample('F11-01.sip');
    const type = headerOf({ ...invite, body }, 'Content-Type');
    const multipart = decodeMultipart(body, type);
    expect(encodeMultipart(multipart, 'bnd-pWkvbN0rKCS5tG32')).toEqual(body);
    expect(multipart.parts.map((part) => partContentType(part).type)).toEqual(['application/sdp', 'image/png', 'message/cpim']);

    const [sdp, icon, cpim] = multipart.parts;
    if (sdp === undefined || icon === undefined || cpim === undefined) throw new Error('three parts');
    expect(rootPart(multipart, type)).toBe(sdp);
    expect(fromUtf8(encodeSdp(decodeSdp(sdp.body)))).toBe(fromUtf8(sdp.body));
    expect(encodeCpim(decodeCpim(cpim.body))).toEqual(cpim.body);
    for (const part of [sdp, icon, cpim]) expect(part.body.length).toBe(Number(mimeHeader(part.headers, 'Content-Length')));
    expect([...partContent(icon).subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  });

  it('R-FT-11: the thumbnail of F11-01 is found by the cid of its offer, and its part is written the same', () => {
    const invite = sipExample('F11-01.sip');
    const type = headerOf(invite, 'Content-Type');
    const [offer] = readFileOffer(offerOf('F11-01.sip')).offers;
    expect(offer?.icon).toBe('icon11@home1.example');
    const icon = decodeIconPart(type, invite.body, offer?.icon ?? '');
    expect(icon).toMatchObject({ type: 'image/png', width: 16, height: 12 });
    const example = partByContentId(decodeMultipart(invite.body, type), 'icon11@home1.example');
    const made = encodeIconPart(icon, 'icon11@home1.example');
    expect(fromUtf8(made.body)).toBe(fromUtf8(example?.body ?? new Uint8Array()).trimEnd());
    expect(example?.headers.filter(({ name }) => name !== 'Content-Length')).toEqual(made.headers);
  });

  it('R-FT-12: the OPTIONS and the answer of F23 name thumbnails, as ours do', () => {
    for (const name of ['F23-01.sip', 'F23-02.sip']) {
      const message = sipExample(name);
      expect(namesApplication(message.headers, FILE_THUMBNAIL)).toBe(true);
      expect(headerOf(message, 'Contact')).toContain(applicationFeature([FILE_THUMBNAIL]));
      expect(namesApplication(message.headers, 'rcs.ft')).toBe(false);
    }
    expect(namesApplication(sipExample('F11-01.sip').headers, FILE_THUMBNAIL)).toBe(false);
  });

  it.each(['F04-03.sip', 'F11-03.sip', 'F13-01.sip'])('the SDP of %s decodes and encodes to the same octets', (name) => {
    const { body } = sipExample(name);
    expect(fromUtf8(encodeSdp(decodeSdp(body)))).toBe(fromUtf8(body));
  });

  it('R-FT-07: an offer is made as in F11-01: sendonly, with name, size and type', () => {
    const example = offerOf('F11-01.sip');
    const made = makeFileOffer({
      origin: { user: 'alice', id: '3981290001', version: '3981290001', address: '192.0.2.10' },
      place: { protocol: 'TCP/MSRP', address: '192.0.2.10', port: 30_030, path: ['msrp://192.0.2.10:30030/2UuzUxKXL4ZRjcHISOMu;tcp'] },
      name: 'ridge "east".jpg',
      type: 'image/jpeg',
      size: 5000,
      hashes: [{ algorithm: 'sha-1', hex: SHA1 }],
      transferId: '4wCZTowmvkkCvtpjpsrq1gKaPs6BmZOC',
      title: 'East ridge, morning',
      icon: 'icon11@home1.example',
      date: 'creation:"Sun, 01 Mar 2026 08:12:40 +0100"',
      range: { start: 1, stop: 5000 },
    });
    expect(fromUtf8(encodeSdp(made))).toBe(fromUtf8(encodeSdp(example)));
  });

  it('R-FTR-07: the answer to F11-01 is the one of F11-03: selector, id and range mirrored; icon, disposition and date not', () => {
    const offer = offerOf('F11-01.sip');
    const [read] = readFileOffer(offer).offers;
    expect(read).toMatchObject({
      mediaIndex: 0,
      name: 'ridge "east".jpg',
      type: 'image/jpeg',
      size: 5000,
      disposition: 'attachment',
    });
    const line = takenLine(offer.media[0] as MsrpMedia, {
      place: { protocol: 'TCP/MSRP', address: '203.0.113.20', port: 20_700, path: ['msrp://203.0.113.20:20700/6ZWP4aEMfj228nPJpPvz;tcp'] },
      setup: setupRole(read?.setup ?? null),
      maxSize: 10_485_760,
    });
    const answer = makeFileAnswer(offer, {
      origin: { user: 'bob', id: '77150001', version: '77150001', address: '203.0.113.20' },
      address: '203.0.113.20',
      lines: new Map([[0, line]]),
    });
    expect(fromUtf8(encodeSdp(answer))).toBe(fromUtf8(sipExample('F11-03.sip').body));
  });

  it('the answer of F11-03 tells where and how to send', () => {
    expect(readFileAnswer(offerOf('F11-01.sip'), decodeSdp(sipExample('F11-03.sip').body))).toEqual({
      remotePath: ['msrp://203.0.113.20:20700/6ZWP4aEMfj228nPJpPvz;tcp'],
      role: 'active',
      fingerprint: null,
      form: 'raw',
      maxSize: 10_485_760,
      selector: {
        name: 'ridge "east".jpg',
        type: 'image/jpeg',
        size: 5000,
        hashes: [{ algorithm: 'sha-1', hex: '5f6d561a575723677cefb94c3c1d598a18b04eaa' }],
        received: expect.stringContaining('name:"ridge%20%22east%22.jpg" type:image/jpeg size:5000 hash:sha-1:5F:6D:'),
      },
    });
  });

  it('R-LM-14 R-LM-15 R-LM-16 R-LM-17 R-LM-18: the offer of a large message says what F04-01 says', () => {
    const made = makeLargeMessageOffer({
      origin: { user: 'alice', id: '3981234501', version: '3981234501', address: '192.0.2.10' },
      place: { protocol: 'TCP/MSRP', address: '192.0.2.10', port: 9, path: ['msrp://192.0.2.10:9/Qx63TwxQgGVYjENeIcBE;tcp'] },
      size: 3917,
    });
    const lines = (octets: Uint8Array) => fromUtf8(octets).split('\r\n').sort();
    expect(lines(encodeSdp(made))).toEqual(lines(sipExample('F04-01.sip').body));
    expect(readLargeMessageAnswer(made, decodeSdp(sipExample('F04-03.sip').body))).toEqual({
      remotePath: ['msrp://203.0.113.20:20544/LpshO0IT8pc08PX3WtMV;tcp'],
      fingerprint: null,
    });
  });

  it('the offer of F13-01 shows name, type, size and hash', () => {
    expect(readFileOffer(offerOf('F13-01.sip')).offers[0]).toMatchObject({
      name: 'notes.pdf',
      type: 'application/pdf',
      size: 9000,
      hashes: [{ algorithm: 'sha-1', hex: '4f840aca11e3c450a8877dcc1dad118af396215e' }],
      transferId: 'k5HbDbx4IXLVkATv3xqvGjNmbfSYtvU6',
      range: null,
      setup: 'actpass',
    });
  });

  it.each([
    ['F02-01.sip', 'oma.cpm.msg'],
    ['F02-03.sip', 'oma.cpm.msg'],
    ['F04-01.sip', 'oma.cpm.largemsg'],
    ['F11-01.sip', 'oma.cpm.filetransfer'],
    ['F13-01.sip', 'oma.cpm.filetransfer'],
    ['F01-03.sip', null],
  ] as const)('the service of %s is %s', (name, service) => {
    expect(serviceOf(sipExample(name).headers)).toBe(service);
  });

  it('the device that sent F02-01 is named by its Contact', () => {
    expect(instanceOf(sipExample('F02-01.sip').headers)).toBe('urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6');
  });

  it.each([
    ['F13-03.sip', 'peer.declined'],
    ['F13-05.sip', 'peer.declined'],
    ['F13-06.sip', 'peer.too-large'],
  ] as const)('R-FTR-15: the refusal of %s means %s', (name, code) => {
    const { startLine, headers } = sipExample(name);
    expect(fileRejection(Number(startLine.split(' ')[1]), headers)).toMatchObject({ code, permanent: true });
  });
});
