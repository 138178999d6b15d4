import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { decodeDeferredInfo, encodeDeferredInfo } from '../../../shared/protocol/deferred-info/deferred-info.ts';
import type { DeferredEntry } from '../../../shared/protocol/deferred-info/entry.ts';
import { decodeMessageSummary } from '../../../shared/protocol/deferred-info/message-summary.ts';
import { decodeOmaDeferredList } from '../../../shared/protocol/deferred-info/oma-list.ts';
import { decodeDeferredRequest, encodeDeferredRequest, MAX_CHOICES } from '../../../shared/protocol/lists/deferred-request.ts';
import { SIP_LIMITS } from '../../../shared/protocol/sip/limits.ts';

const read = (inner: string, attributes = 'version="3" state="partial"') =>
  decodeDeferredInfo(
    utf8(`<d:deferred-messages xmlns:d="urn:x-cpm-desk:deferred-messages:1" ${attributes}>${inner}</d:deferred-messages>`),
  );

const item: DeferredEntry = {
  uri: 'sip:dm-1@home1.example',
  kind: 'large',
  from: '"A & B" <sip:carol@home1.example>',
  sent: Date.UTC(2026, 2, 1, 19, 40, 0, 250),
  size: 3480,
  expires: null,
  contentType: 'text/plain',
  subject: '<Survey> "1"',
};

describe('the list of what waits in the network', () => {
  it('comes back as it was written, what went with it', () => {
    const info = {
      version: 4,
      state: 'partial',
      items: [item, { ...item, undone: 'too-large' }],
      removed: ['sip:dm-2@home1.example?a=1&b=2'],
    } as const;
    expect(decodeDeferredInfo(encodeDeferredInfo(info))).toEqual(info);
  });

  it('is read whatever stands beside it, and without most of what it could say', () => {
    const { version, state, items, removed } = read(
      '<d:hint/><d:message uri="sip:a@b" undone="rain"><d:sent>soon</d:sent><d:size>-1</d:size><x xmlns="u"/></d:message><d:message uri="sip:c@d" state="deleted"/>',
    );
    expect({ version, state, removed }).toEqual({ version: 3, state: 'partial', removed: ['sip:c@d'] });
    const nothing = { kind: 'pager', from: '', sent: null, size: null, expires: null, contentType: '', subject: null };
    expect(items).toEqual([{ uri: 'sip:a@b', ...nothing }]);
  });

  it('has no item that could not be asked for', () => {
    const bad = ['', ' ', 'sip:a b@c', `sip:${'a'.repeat(2000)}@b`];
    expect(read(bad.map((uri) => `<d:message uri="${uri}"/>`).join('')).items).toEqual([]);
    expect(() => encodeDeferredInfo({ version: 1, state: 'full', items: [{ ...item, uri: 'sip:a b@c' }], removed: [] })).toThrow(
      'xml.malformed',
    );
  });

  it('of no version, of another kind or too long is refused with a code', () => {
    for (const version of ['', '-1', '1.5', '99999999999']) expect(() => read('', `version="${version}"`)).toThrow('xml.malformed');
    expect(() => decodeDeferredInfo(utf8('<deferred-messages version="1"/>'))).toThrow('xml.malformed');
    expect(() => read('<d:message/>'.repeat(70_000))).toThrow('xml.too-large');
  });

  it('of three thousand items fits into one body', () => {
    const items = Array.from({ length: 3000 }, (_, at) => ({ ...item, uri: `sip:dm-${at}@home1.example` }));
    const octets = encodeDeferredInfo({ version: 1, state: 'full', items, removed: [] });
    expect(octets.length).toBeLessThan(SIP_LIMITS.bodyOctets);
    expect(decodeDeferredInfo(octets).items).toHaveLength(3000);
  });

  it('of OMA IM is read by local names, in elements and attributes alike', () => {
    const list =
      '<deferred-list xmlns="urn:oma:xml:im:history-list"><h:history xmlns:h="u"><h:message id="sip:dm-1@b"><h:Sender>sip:a@b</h:Sender><date>2026-03-01T18:02:11+01:00</date><size>12</size></h:message></h:history><entry><uri>sip:dm-2@b</uri><subject>S</subject></entry></deferred-list>';
    const nothing = { kind: 'pager', from: '', sent: null, size: null, expires: null, contentType: '', subject: null };
    expect(decodeOmaDeferredList(utf8(list))).toEqual([
      { ...nothing, uri: 'sip:dm-1@b', from: 'sip:a@b', sent: Date.UTC(2026, 2, 1, 17, 2, 11), size: 12 },
      { ...nothing, uri: 'sip:dm-2@b', subject: 'S' },
    ]);
  });

  it('as a summary tells how many, and what the first is about', () => {
    const summary =
      'Messages-Waiting: yes\r\nMessage-Account: sip:alice@a.example\r\nText-Message: 4/8 (1/2)\r\nMultimedia-Message: 1/0\r\n\r\nSubject: Carpool\r\nFrom: a\r\n\r\n';
    expect(decodeMessageSummary(utf8(summary))).toEqual({ waiting: true, count: 5, hint: 'Carpool' });
    expect(decodeMessageSummary(utf8('messages-waiting: No\r\n'))).toEqual({ waiting: false, count: null, hint: null });
    expect(() => decodeMessageSummary(utf8('Text-Message: 4/8\r\n'))).toThrow('cpim.malformed');
  });
});

describe('the request for waiting items', () => {
  it('has the action as a header of the URI, behind what stands there already', () => {
    const octets = encodeDeferredRequest([
      { uri: 'sip:dm-1@b?x=1', action: 'store' },
      { uri: 'sip:dm-2@b', action: 'deliver' },
    ]);
    expect(fromUtf8(octets)).toContain('uri="sip:dm-1@b?x=1&amp;cpm_action=store"');
    expect(decodeDeferredRequest(octets)).toEqual([
      { uri: 'sip:dm-1@b?x=1', action: 'store' },
      { uri: 'sip:dm-2@b', action: 'deliver' },
    ]);
  });

  it('with an action that nobody knows, or without one, is read as that', () => {
    const list = (uri: string) =>
      decodeDeferredRequest(
        utf8(`<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list><entry uri="${uri}"/></list></resource-lists>`),
      );
    expect(list('sip:a@b?cpm_action=burn')).toEqual([{ uri: 'sip:a@b', action: null }]);
    expect(list('sip:a@b?CPM_Action=DELETE')).toEqual([{ uri: 'sip:a@b', action: 'delete' }]);
    expect(list('sip:a@b')).toEqual([{ uri: 'sip:a@b', action: null }]);
    expect(list('sip:a@b?x=1')).toEqual([{ uri: 'sip:a@b?x=1', action: null }]);
  });

  it('for as many as are asked for at once fits into one body', () => {
    const choices = Array.from({ length: MAX_CHOICES }, (_, at) => ({ uri: `sip:dm-${at}@home1.example`, action: 'interwork' as const }));
    const octets = encodeDeferredRequest(choices);
    expect(octets.length).toBeLessThan(SIP_LIMITS.bodyOctets / 4);
    expect(decodeDeferredRequest(octets)).toEqual(choices);
  });
});
