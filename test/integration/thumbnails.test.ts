import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import { greyPng } from '../harness/icons.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';

describe('thumbnails between two whole clients', { timeout: 60_000 }, () => {
  const folder = temporaryFolder();
  let people: TwoPeople;
  afterEach(() => people.close());

  async function pick(name: string): Promise<{ conversationId: number; token: string }> {
    const { alice, bob } = people;
    const { id } = await alice.conversationWith(bob);
    const path = join(folder, name);
    await writeFile(path, Buffer.alloc(50_000, 7));
    const { token } = await alice.client.offerFile(path);
    return { conversationId: id, token };
  }

  test('R-PF-14: one passes a network by way of which the octets go, unchanged', async () => {
    people = await twoPeople(join(folder, 'anchored'), { network: { media: { msrp: 'anchor' } } });
    const { alice, bob } = people;
    const icon = greyPng(160, 90);
    const { conversationId, token } = await pick('east.jpg');
    await alice.call['files.thumbnail']({ token, octets: Buffer.from(icon).toString('base64') });
    const sent = await alice.call['files.send']({ conversationId, clientId: randomToken(24), token });
    const { transfer } = await bob.seesMessage(({ imdnId, transfer: file }) => imdnId === sent.imdnId && file?.state === 'offered');
    expect(transfer?.thumbnail).toBe(true);
    const transferId = transfer?.id as number;
    const shown = await bob.client.picture({ what: 'thumbnail', id: transferId });
    expect(new Uint8Array((shown as { octets: Uint8Array }).octets)).toEqual(icon);
    await bob.call['transfers.accept']({ transferId });
    await alice.seesMessage(({ imdnId, transfer: file }) => imdnId === sent.imdnId && file?.state === 'done', 30_000);
  });

  test('R-FT-11 R-FTR-01: files that are offered together come with a thumbnail each', async () => {
    people = await twoPeople(join(folder, 'together'));
    const { alice, bob } = people;
    const icons = [greyPng(160, 90), greyPng(90, 160)];
    // both wait when there is a link again
    await alice.call['registration.signOut']({});
    const sent = await Promise.all(
      ['one.jpg', 'two.jpg'].map(async (name, at) => {
        const { conversationId, token } = await pick(name);
        await alice.call['files.thumbnail']({ token, octets: Buffer.from(icons[at] as Uint8Array).toString('base64') });
        return alice.call['files.send']({ conversationId, clientId: randomToken(24), token });
      }),
    );
    for (const { imdnId } of sent)
      await alice.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'queued' && message.transfer.thumbnail);
    await alice.call['registration.signIn']({});
    const offered = await Promise.all(
      sent.map(({ imdnId }) => bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.thumbnail === true)),
    );
    expect(new Set(offered.map(({ transfer }) => transfer?.invitation)).size).toBe(1);
    expect(offered[0]?.transfer?.invitation).not.toBeNull();
    for (const [at, { transfer }] of offered.entries()) {
      const shown = await bob.client.picture({ what: 'thumbnail', id: transfer?.id as number });
      expect(new Uint8Array((shown as { octets: Uint8Array }).octets)).toEqual(icons[at]);
    }
  });

  test('R-FT-11: one that is made after its file was sent is kept with it; what is no thumbnail is refused, and the file goes on', async () => {
    people = await twoPeople(join(folder, 'late'));
    const { alice } = people;
    const { conversationId, token } = await pick('late.jpg');
    const sent = await alice.call['files.send']({ conversationId, clientId: randomToken(24), token });
    await expect(alice.call['files.thumbnail']({ token, octets: 'AAAA' })).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(alice.call['files.thumbnail']({ token: 'another', octets: 'AAAA' })).rejects.toMatchObject({ code: 'request.not-found' });
    await alice.call['files.thumbnail']({ token, octets: Buffer.from(greyPng(8, 8)).toString('base64') });
    const { transfer } = await alice.seesMessage(({ imdnId, transfer: file }) => imdnId === sent.imdnId && file?.thumbnail === true);
    expect(await alice.client.picture({ what: 'thumbnail', id: transfer?.id as number })).toMatchObject({ width: 8, height: 8 });
    await alice.seesMessage(({ imdnId, transfer: file }) => imdnId === sent.imdnId && file?.state === 'offering');
  });
});
