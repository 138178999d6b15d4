import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hashFile } from '../../../electron/msrp/file-source.ts';
import type { Link, ServiceContext } from '../../../electron/services/context.ts';
import { Icons, type IconTakers } from '../../../electron/services/transfers/icons.ts';
import { encodeFileInvitation, fileMedia } from '../../../electron/services/transfers/invitation.ts';
import type { OutboxItem, StoredTransfer, Thumbnail } from '../../../electron/store/port.ts';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { makeMultipart, type Part, partContent } from '../../../shared/protocol/multipart/multipart.ts';
import { encodeIconPart } from '../../../shared/protocol/picture/icon-part.ts';
import { makeOrigin } from '../../../shared/protocol/sdp/file-offer.ts';
import { greyPng, pngThatSays } from '../../harness/icons.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { openWith } from '../store/fixture.ts';
import { incomingInvite, stage } from './stage.ts';

const root = temporaryFolder();
const PNG: Thumbnail = { type: 'image/png', width: 16, height: 12, octets: greyPng(16, 12) };
const TRANSFER = { id: 7, whole: null, conversationId: 1, direction: 'out' } as StoredTransfer;
const LINK = {} as Link;
const BOB = { kind: 'person', peer: 'sip:bob@example.com', route: null };

function icons(options: { thumbnail?: Thumbnail | null; kind?: string; takes?: boolean; broken?: boolean } = {}) {
  const { thumbnail = PNG, kind = 'person', takes = true, broken = false } = options;
  const asked: string[] = [];
  const refused: string[] = [];
  const log: string[] = [];
  const context = {
    account: { address: 'sip:alice@home1.example' },
    store: {
      thumbnail: async () => {
        if (broken) throw new ParleyError('store.closed', 'closed');
        return thumbnail;
      },
      conversation: async () => ({ ...BOB, kind }),
    },
    log: (line: string) => log.push(line),
  } as unknown as ServiceContext;
  const takers: IconTakers = {
    takesThumbnails: async ({ peer }) => {
      asked.push(peer);
      return takes;
    },
    thumbnailRefused: (peer) => refused.push(peer),
  };
  return { icons: new Icons(context, takers), asked, refused, log };
}

describe('R-FT-11: the thumbnail of an offer', () => {
  test('goes with it under a new id of the own domain', async () => {
    const { icons: all } = icons();
    const [one, two] = [await all.toSend(TRANSFER, LINK), await all.toSend(TRANSFER, LINK)];
    expect(one?.contentId).toMatch(/^[\w-]{16}@home1\.example$/);
    expect(one?.contentId).not.toBe(two?.contentId);
    expect(partContent(one?.part as Part)).toEqual(PNG.octets);
  });

  test.each([
    ['there is none, and nobody is asked', { thumbnail: null }, 0],
    ['the other side is a list, and nobody is asked', { kind: 'list' }, 0],
    ['the other side does not show any', { takes: false }, 1],
    ['the store does not give it', { broken: true }, 0],
  ])('stays here where %s', async (_, options, questions) => {
    const { icons: all, asked, log } = icons(options);
    expect(await all.toSend(TRANSFER, LINK)).toBeNull();
    expect(asked).toHaveLength(questions);
    expect(log).toHaveLength('broken' in options ? 1 : 0);
  });

  test.each([415, 413, 513])('is left out of the next one after %i, and of all that follow once that was taken', async (status) => {
    const { icons: all, refused } = icons();
    await all.toSend(TRANSFER, LINK);
    expect(all.answered([TRANSFER], status)).toBe(true);
    expect(await all.toSend(TRANSFER, LINK)).toBeNull();
    expect(all.answered([TRANSFER], 200)).toBe(false);
    expect(refused).toEqual([BOB.peer]);
  });

  test('is no cause of an answer that comes without it as well', async () => {
    const { icons: all, refused } = icons();
    await all.toSend(TRANSFER, LINK);
    expect(all.answered([TRANSFER], 415)).toBe(true);
    await all.toSend(TRANSFER, LINK);
    expect(all.answered([TRANSFER], 415)).toBe(false);
    expect(refused).toEqual([]);
    // a later try begins anew
    expect(await all.toSend(TRANSFER, LINK)).not.toBeNull();
  });

  test.each([200, 486, 488, 603])('is no matter of a %i', async (status) => {
    const { icons: all, refused } = icons();
    await all.toSend(TRANSFER, LINK);
    expect(all.answered([TRANSFER], status)).toBe(false);
    expect(refused).toEqual([]);
    expect(await all.toSend(TRANSFER, LINK)).not.toBeNull();
  });
});

test('R-FT-11: files that are offered together, only some of them with a thumbnail, are offered together again after 415, as they were but for that', async () => {
  const folder = join(root, 'together');
  const takers: IconTakers = { takesThumbnails: async () => true, thumbnailRefused: () => undefined };
  const world = stage(folder, takers);
  openWith(world.calls);
  for (const name of ['a.txt', 'b.txt']) {
    const path = join(folder, name);
    writeFileSync(path, 'hello');
    const { modifiedAt } = await hashFile(path);
    const { transfer } = await world.service.send(1, `id-${name}`, { path, name, type: 'text/plain', size: 5, modifiedAt });
    if (name === 'a.txt') await world.service.illustrate(transfer?.id as number, PNG);
  }
  await expect.poll(() => [1, 2].map((id) => world.transfer(id).state)).toEqual(['queued', 'queued']);
  const offer = async (status: number) => {
    world.answers(async () => ({ status, reason: '', headers: [], contentType: null, body: new Uint8Array() }));
    const [item] = world.calls.outboxReady(world.clock.now(), 1);
    await world.service.offer(item as Extract<OutboxItem, { kind: 'file' }>, world.link);
    await world.settled();
  };
  await offer(415);
  expect([1, 2].map((id) => world.transfer(id).state)).toEqual(['queued', 'queued']);
  await offer(603);
  expect([1, 2].map((id) => world.transfer(id).state)).toEqual(['declined', 'declined']);
  const sent = (world.invites as unknown as { contentType: string; body: Uint8Array }[]).map(({ contentType, body }) => {
    const text = fromUtf8(body);
    const count = (what: RegExp) => text.match(what)?.length ?? 0;
    return [contentType.split(';')[0], count(/^m=message/gm), count(/a=file-icon:cid:/g), count(/imdn\.Disposition-Notification/g)];
  });
  expect(sent).toEqual([
    ['multipart/related', 2, 1, 2],
    ['multipart/mixed', 2, 0, 2],
  ]);
});

describe('R-FTR-01: the thumbnail of an offer that came', () => {
  let number = 0;
  const CID = 'icon1@home1.example';
  const place = {
    protocol: 'TCP/MSRP',
    address: '127.0.0.1',
    port: 2856,
    path: ['msrp://127.0.0.1:2856/abcdefghijklmnopqrst;tcp'],
  } as const;

  /** @param named Content-ID in the offer */
  function invitation(icons: readonly Part[], named: string | null = CID) {
    const transfer = {
      direction: 'out',
      name: 'a.jpg',
      type: 'image/jpeg',
      size: 5,
      sizeKnown: true,
      hash: null,
    } as StoredTransfer;
    const media = [fileMedia(transfer, { fileTransferId: 'ft1', place, icon: named ?? undefined })];
    const { contentType, body } = encodeFileInvitation(
      { origin: makeOrigin('127.0.0.1', 1), name: '-', address: '127.0.0.1', media },
      [{ fileTransferId: 'ft1', imdnId: 'm1', sentAt: 1 }],
      { address: 'sip:bob@example.com', to: 'sip:alice@example.com' },
      icons,
    );
    return incomingInvite(contentType, body);
  }

  /** Bob offers a file; he is somebody the person writes with. */
  async function offered(icons: readonly Part[], named: string | null = CID, from = 'sip:bob@example.com') {
    number += 1;
    const world = stage(join(root, String(number)));
    openWith(world.calls);
    const call = invitation(icons, named);
    await world.service.invited({ ...call.invite, from, originator: from });
    expect(call.said).toEqual(['180']);
    expect(world.transfer().state).toBe('offered');
    return world;
  }

  test('is found beside its offer in a multipart inside of another', async () => {
    const world = stage(join(root, 'nested'));
    openWith(world.calls);
    const { contentType, body } = invitation([encodeIconPart(PNG, CID)]).invite;
    const inner: Part = { headers: [{ name: 'Content-Type', value: contentType }], body };
    const list: Part = { headers: [{ name: 'Content-Type', value: 'application/resource-lists+xml' }], body: utf8('<resource-lists/>') };
    const outer = makeMultipart('multipart/mixed', [inner, list]);
    await world.service.invited(incomingInvite(outer.contentType, outer.body).invite);
    expect(world.transfer().state).toBe('offered');
    expect(world.calls.thumbnail(1)).not.toBeNull();
  });

  test('is kept, and the card says that there is one', async () => {
    const { calls } = await offered([encodeIconPart(PNG, CID)]);
    expect({ ...calls.thumbnail(1), octets: null }).toEqual({ ...PNG, octets: null });
    expect(new Uint8Array(calls.thumbnail(1)?.octets ?? [])).toEqual(PNG.octets);
    expect(calls.message(1).transfer?.thumbnail).toBe(true);
  });

  const raw = (octets: Uint8Array, id = CID): Part => ({ headers: [{ name: 'Content-ID', value: `<${id}>` }], body: octets });
  test.each<[string, readonly Part[]]>([
    ['a bomb of 50 million pixels', [raw(pngThatSays(10_000, 5000))]],
    [
      'an SVG under the type of a PNG',
      [{ ...raw(utf8('<svg/>')), headers: [...raw(utf8('')).headers, { name: 'Content-Type', value: 'image/png' }] }],
    ],
    ['one that breaks off', [raw(PNG.octets.subarray(0, 40))]],
    ['900 KB', [raw(new Uint8Array(900_000))]],
    ['two with the same id', [raw(PNG.octets), raw(PNG.octets)]],
    ['one with another id', [raw(PNG.octets, 'other@x')]],
    ['none at all', []],
    ['one without an id', [{ headers: [], body: PNG.octets }]],
  ])('is left out where it is %s: the file is offered as ever, and a line says so', async (_, icons) => {
    const { calls, log } = await offered(icons);
    expect(calls.thumbnail(1)).toBeNull();
    expect(log.filter((line) => line.includes('thumbnail'))).toHaveLength(1);
  });

  test('is nothing where the offer names none, whatever pictures stand beside it', async () => {
    const { calls, log } = await offered([encodeIconPart(PNG, CID)], null);
    expect(calls.thumbnail(1)).toBeNull();
    expect(log).toEqual([]);
  });

  test('of a stranger is not kept', async () => {
    const { calls } = await offered([encodeIconPart(PNG, CID)], CID, 'sip:eve@example.com');
    expect(calls.conversation(2).request).toBe(true);
    expect(calls.thumbnail(1)).toBeNull();
  });

  test('that cannot be kept is no harm to the file', async () => {
    const world = stage(join(root, 'full'));
    openWith(world.calls);
    world.before((method) => {
      if (method === 'setThumbnail') throw new ParleyError('store.full', 'SQLITE_FULL');
    });
    await world.service.invited(invitation([encodeIconPart(PNG, CID)]).invite);
    expect(world.transfer().state).toBe('offered');
    expect(world.log.at(-1)).toMatch(/not kept/);
  });
});
