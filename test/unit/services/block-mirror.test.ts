import { describe, expect, it } from 'vitest';
import { RESOURCE_LISTS } from '../../../electron/home-network/xdm/usages.ts';
import { answerXcap, entityTag, type XcapRequest } from '../../../electron/home-network/xdm/xcap.ts';
import { BlockMirror } from '../../../electron/services/block-mirror.ts';
import type { ServiceContext } from '../../../electron/services/context.ts';
import type { XcapClient, XcapExpected } from '../../../electron/xcap/port.ts';
import { utf8 } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import type { XcapTarget } from '../../../shared/protocol/xcap/selector.ts';
import { ManualClock } from '../../harness/manual-clock.ts';

/** A network with one document, which answers as ours does, or not at all. */
function network(document: string | null = null) {
  const state = { document, isAway: false, requests: [] as string[], before: (_method: string): void => undefined };
  const ask = (method: string, target: XcapTarget, body: string, contentType: string, expected: XcapExpected) => {
    if (state.isAway) throw new ParleyError('link.unreachable', 'away');
    state.before(method);
    state.requests.push(method);
    const request: XcapRequest = {
      ...{ method, node: target.node, contentType, body: utf8(body) },
      ifMatch: typeof expected === 'object' ? expected.etag : null,
      ifNoneMatch: expected === 'absent' ? '*' : null,
    };
    const answer = answerXcap(RESOURCE_LISTS, request, state.document);
    if (answer.document !== undefined) state.document = answer.document;
    return answer;
  };
  const client: XcapClient = {
    get: async (target) => {
      const { status, body } = ask('GET', target, '', '', 'any');
      return status === 200 ? { body: utf8(body), etag: entityTag(body) } : null;
    },
    put: async (target, type, body, expected) => {
      const { status } = ask('PUT', target, body, type, expected);
      if (status !== 412 && status > 201) throw new ParleyError('request.invalid', String(status));
      return status !== 412;
    },
    remove: async (target) => void ask('DELETE', target, '', '', 'any'),
  };
  return { state, client };
}

function device(client: XcapClient, settings = new Map<string, string>()) {
  const blocked = new Set<string>();
  const clock = new ManualClock();
  const store = {
    blockedConversations: async () => [{ conversation: {}, addresses: [...blocked] }],
    setting: async (key: string) => settings.get(key) ?? null,
    setSetting: async (key: string, value: string) => void settings.set(key, value),
  };
  const context = { account: { address: 'sip:bob@h' }, store, clock, log: () => undefined } as unknown as ServiceContext;
  return { blocked, clock, settings, mirror: new BlockMirror(context, client) };
}

const listed = (document: string | null): string[] => [...(document ?? '').matchAll(/uri="([^"]*)"/g)].map(([, uri]) => uri ?? '').sort();

describe('R-PF-57: the list of blocked people at the network', () => {
  it('is made with the first one, and entries come and go one by one', async () => {
    const { state, client } = network();
    const { blocked, mirror } = device(client);
    await mirror.update();
    expect(state.requests).toEqual([]);
    blocked.add('sip:a@x').add('tel:+491');
    await mirror.update();
    expect(listed(state.document)).toEqual(['sip:a@x', 'tel:+491']);
    blocked.delete('sip:a@x');
    blocked.add('sip:"&<\'@x');
    await mirror.update();
    expect(listed(state.document)).toEqual(['sip:&quot;&amp;&lt;&apos;@x', 'tel:+491']);
    state.requests.length = 0;
    await mirror.update();
    expect(state.requests).toEqual(['GET']);
  });

  it('what could not be written is written later, also after a restart', async () => {
    const { state, client } = network();
    const first = device(client);
    state.isAway = true;
    first.blocked.add('sip:a@x');
    await first.mirror.update();
    expect(state.document).toBeNull();
    state.isAway = false;
    await first.clock.advance(30_000);
    await expect.poll(() => listed(state.document)).toEqual(['sip:a@x']);
    state.isAway = true;
    first.blocked.delete('sip:a@x');
    await first.mirror.update();
    await first.mirror.stop();
    state.isAway = false;
    const again = device(client, first.settings);
    await again.mirror.update();
    expect(listed(state.document)).toEqual([]);
  });

  it('another device that makes the document or the list at the same time loses nothing, and neither does this one', async () => {
    const wrap = (inner: string): string => `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">${inner}</resource-lists>`;
    for (const [before, meanwhile] of [
      [null, wrap('<list name="friends"/>')],
      [wrap(''), wrap('<list name="oma_blockedcontacts"><entry uri="sip:other@x"/></list>')],
    ] as const) {
      const { state, client } = network(before);
      const { blocked, mirror } = device(client);
      blocked.add('sip:a@x');
      state.before = (method) => {
        if (method !== 'PUT') return;
        state.document = meanwhile;
        state.before = () => undefined;
      };
      await mirror.update();
      expect(listed(state.document)).toContain('sip:a@x');
      expect(state.document).toContain(before === null ? '<list name="friends"/>' : 'sip:other@x');
    }
  });

  it('what another device took off stays off; a network that lost its list gets it again', async () => {
    const { state, client } = network();
    const { blocked, mirror } = device(client);
    blocked.add('sip:a@x').add('sip:b@x');
    await mirror.update();
    state.document = (state.document ?? '').replace('<entry uri="sip:a@x"/>', '');
    await mirror.update();
    expect(listed(state.document)).toEqual(['sip:b@x']);
    state.document = null;
    await mirror.update();
    expect(listed(state.document)).toEqual(['sip:a@x', 'sip:b@x']);
  });

  it('an account without such a place has nothing to do', async () => {
    const { blocked, mirror } = device(null as unknown as XcapClient);
    blocked.add('sip:a@x');
    await expect(mirror.update()).resolves.toBeUndefined();
  });
});
