import { describe, expect, it } from 'vitest';
import { bestResponse, forOriginator } from '../../../electron/home-network/best-response.ts';
import type { Binding } from '../../../electron/home-network/bindings.ts';
import { matchingBindings } from '../../../electron/home-network/caller-preferences.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import type { SipRequest, SipResponse } from '../../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../../shared/protocol/sip/name-addr.ts';

const NO_BODY = new Uint8Array(0);
const answer = (status: number): SipResponse => ({ kind: 'response', status, reason: '', headers: [], body: NO_BODY });

describe('the best of several refusals (RFC 3261 section 16.7)', () => {
  it.each([
    [[480, 486], 486],
    [[503, 480], 480],
    [[408, 415], 415],
    [[486, 420], 420],
    [[404, 603, 486], 603],
    [[500, 302], 302],
    [[], undefined],
  ])('of %j it is %s', (statuses, best) => expect(bestResponse(statuses.map(answer))?.status).toBe(best));
});

describe('a refusal that speaks to the network', () => {
  it.each([302, 401, 407])('%i means not available to the originator', (status) => expect(forOriginator(answer(status)).status).toBe(480));
  it.each([403, 486, 503, 603])('%i stays', (status) => expect(forOriginator(answer(status)).status).toBe(status));
});

describe('caller preferences (RFC 3841)', () => {
  const devices = {
    full: '<sip:a@h>;+g.3gpp.icsi-ref="urn%3Aurn-7%3Ax.msg,urn%3Aurn-7%3Ax.filetransfer";+sip.instance="<urn:uuid:1>"',
    chat: '<sip:b@h>;+g.3gpp.icsi-ref="urn%3Aurn-7%3Ax.session";+sip.instance="<urn:uuid:2>"',
    video: '<sip:c@h>;video',
    plain: '<sip:d@h>',
  };
  const match = (...values: string[]): string[] => {
    const bindings = Object.entries(devices).map(([key, contact]) => ({ key, contact: decodeNameAddr(contact) }) as Binding);
    const fields = values.map((value) => ({ name: 'Accept-Contact', value }));
    const request: SipRequest = { kind: 'request', method: 'MESSAGE', uri: 'sip:x@h', headers: fields, body: NO_BODY };
    return matchingBindings(request, bindings).map(({ key }) => key);
  };

  it('asks nothing without the field', () => expect(match()).toEqual(['full', 'chat', 'video', 'plain']));
  it('only orders without require', () => expect(match('*;+g.3gpp.icsi-ref="urn%3Aurn-7%3Ax.session"')[0]).not.toBe('full'));
  it('drops what says otherwise with require, but not what says nothing', () =>
    expect(match('*;+g.3gpp.icsi-ref="urn%3Aurn-7%3Ax.msg";require').sort()).toEqual(['full', 'plain', 'video']));
  it('drops what says nothing with require and explicit', () =>
    expect(match('*;+g.3gpp.icsi-ref="urn%3Aurn-7%3Ax.msg";require;explicit')).toEqual(['full']));
  it('takes any spelling of the value', () =>
    expect(match('*;+G.3gpp.ICSI-ref="urn:urn-7:x.FileTransfer";explicit;require')).toEqual(['full']));
  it('takes independent demands together', () => {
    expect(match('*;+g.3gpp.icsi-ref="urn%3Aurn-7%3Ax.msg"', '*;+sip.instance="<urn:uuid:2>";require;explicit')).toEqual(['chat']);
    expect(match('*;+g.3gpp.icsi-ref="urn%3Aurn-7%3Ax.msg";require;explicit, *;+sip.instance="<urn:uuid:2>";require;explicit')).toEqual([]);
  });
  it('refuses what is no Accept-Contact', () => expect(() => match('sip:a@h;require')).toThrow(ParleyError));
});
