import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { TextHost } from '../../../../electron/home-network/conference/text/plane.ts';
import { fromUtf8, utf8 } from '../../../../shared/base/bytes.ts';
import { addressOf, memberOf, notificationOf, TextRoom, textOf } from '../../../harness/hall.ts';
import { ManualClock } from '../../../harness/manual-clock.ts';
import { networkDatabases } from '../../../harness/network-databases.ts';
import { temporaryFolder } from '../../../harness/temporary-folder.ts';
import { exampleOctets } from '../../../vectors/example.ts';

const temporary = temporaryFolder();
const rooms: TextRoom[] = [];
afterEach(async () => {
  for (const room of rooms.splice(0)) await room.close();
});

async function start(host: Partial<TextHost> = {}): Promise<TextRoom> {
  const room = await TextRoom.start(host);
  rooms.push(room);
  return room;
}

const wait = { timeout: 15_000 };
const lastLine = (text: string) => text.slice(text.lastIndexOf('\n') + 1);

describe('the text plane of a group', () => {
  it('two talk: each has what the other says, from him and to himself; who is away is told of', async () => {
    const room = await start();
    const absent: (readonly string[])[] = [];
    const hall = await room.open(['alice', 'bob', 'carol'], (who) => absent.push(who));
    const [alice, bob] = [await room.enter(hall, 'alice'), await room.enter(hall, 'bob')];
    await alice.say(textOf('alice', 'hello'));
    await expect.poll(() => bob.got, wait).toHaveLength(1);
    expect(bob.got[0]).toMatch(/^From: "?alice"? <sip:alice@home1\.example>\r\nTo: <sip:bob@home1\.example>\r\n.*hello$/s);
    expect(alice.got).toEqual([]);
    expect(absent).toEqual([[addressOf('carol')]]);
    expect([await hall.awaits(addressOf('carol')), await hall.awaits(addressOf('alice'))]).toEqual([true, false]);
    const carol = await room.enter(hall, 'carol');
    await expect.poll(() => carol.got, wait).toHaveLength(1);
    await expect.poll(() => hall.awaits(addressOf('carol')), wait).toBe(false);
  });

  it('who comes back has all that was said meanwhile, in order, before what is said now; who was admitted later has what came later', async () => {
    const room = await start();
    const hall = await room.open(['alice', 'bob']);
    const alice = await room.enter(hall, 'alice');
    const before = await room.enter(hall, 'bob');
    await alice.say(textOf('alice', '0'));
    // it was answered, and is not sent again
    await expect.poll(() => before.got.length === 0 || hall.awaits(addressOf('bob')), wait).toBe(false);
    await before.seat.leave();
    // more than memory holds of a group
    for (let n = 1; n < 300; n++) await alice.say(textOf('alice', String(n)));
    await hall.admit(memberOf('carol'));
    const [bob, carol] = await Promise.all([room.enter(hall, 'bob'), room.enter(hall, 'carol'), alice.say(textOf('alice', '300'))]);
    await expect.poll(() => [bob.got.length, carol.got.length], wait).toEqual([300, 1]);
    expect(bob.got.map(lastLine)).toEqual(Array.from({ length: 300 }, (_, n) => String(n + 1)));
    expect(carol.got.map(lastLine)).toEqual(['300']);
  });

  it('several who speak at once have one order for all', async () => {
    const room = await start();
    const names = ['alice', 'bob', 'carol', 'dave'];
    const hall = await room.open([...names, 'erin', 'fred']);
    const devices = await Promise.all(names.map((name) => room.enter(hall, name)));
    const readers = [await room.enter(hall, 'erin'), await room.enter(hall, 'fred')];
    await Promise.all(
      devices.flatMap((device, at) => Array.from({ length: 50 }, (_, n) => device.say(textOf(names[at] as string, `${names[at]} ${n}`)))),
    );
    await expect.poll(() => readers.map(({ got }) => got.length), wait).toEqual([200, 200]);
    expect(readers[0]?.got.map(lastLine)).toEqual(readers[1]?.got.map(lastLine));
    const order = readers[0]?.got.map(lastLine) ?? [];
    for (const [at, name] of names.entries()) {
      expect(order.filter((text) => text.startsWith(name))).toEqual(Array.from({ length: 50 }, (_, n) => `${name} ${n}`));
      await expect.poll(() => devices[at]?.got.map(lastLine), wait).toEqual(order.filter((text) => !text.startsWith(name)));
    }
  });

  it('what is sent again after a lost answer is there once', async () => {
    const room = await start();
    const hall = await room.open(['alice', 'bob']);
    const [alice, bob] = [await room.enter(hall, 'alice'), await room.enter(hall, 'bob')];
    for (const id of ['one', 'one', 'two']) await alice.say(textOf('alice', id, id));
    // another author may use the same id
    await bob.say(textOf('bob', 'mine', 'one'));
    await expect.poll(() => [bob.got.map(lastLine), alice.got.map(lastLine)], wait).toEqual([['one', 'two'], ['mine']]);
  });

  it('refuses what somebody else says, what is for nobody, other types and what cannot be read', async () => {
    const room = await start();
    const hall = await room.open(['alice', 'bob']);
    const [alice, bob] = [await room.enter(hall, 'alice'), await room.enter(hall, 'bob')];
    const refused = { code: 'msrp.refused' };
    await expect(alice.say(textOf('bob', 'forged'))).rejects.toMatchObject({ ...refused, detail: expect.stringMatching(/^403/) });
    await expect(alice.say(textOf('alice', 'lost', undefined, 'sip:zoe@home1.example'))).rejects.toMatchObject({
      ...refused,
      detail: expect.stringMatching(/^403/),
    });
    const { session } = alice;
    const raw = session.send({ contentType: 'application/im-iscomposing+xml', source: utf8('<isComposing/>'), successReport: false });
    await expect(raw).rejects.toMatchObject({ ...refused, detail: expect.stringMatching(/^415/) });
    await expect(alice.say(utf8('no cpim'))).rejects.toMatchObject({ ...refused, detail: expect.stringMatching(/^400/) });
    // names that hide somebody are set to the name that the group knows
    await alice.say(utf8('From: <sip:anonymous@anonymous.invalid>\r\nTo: <sip:anonymous@anonymous.invalid>\r\n\r\n\r\nseen'));
    await expect.poll(() => bob.got, wait).toHaveLength(1);
    expect(bob.got[0]).toMatch(/^From: "?alice"? <sip:alice@home1\.example>\r\nTo: <sip:bob@home1\.example>\r\n.*seen$/s);
  });

  it('a member without a name stays one: From and To are what the group calls him', async () => {
    const room = await start();
    const hall = await room.open(['alice']);
    const entity = 'sip:anonymous-7@home1.example';
    await hall.admit({ address: addressOf('bob'), entity, displayName: 'Anonymous' });
    const [alice, bob] = [await room.enter(hall, 'alice'), await room.enter(hall, 'bob')];
    await bob.say(textOf('bob', 'who am I', 'm'));
    await expect.poll(() => alice.got, wait).toHaveLength(1);
    expect(alice.got[0]).toContain(`<${entity}>`);
    expect(alice.got[0]).not.toContain('bob');
    await alice.say(textOf('alice', 'you'));
    await expect.poll(() => bob.got, wait).toHaveLength(1);
    expect(bob.got[0]).toContain(`To: <${entity}>`);
  });

  it('R-PF-40 R-PF-43: a notification goes to the author alone, on the device that he wrote on, and once of a member with several devices', async () => {
    const room = await start();
    const hall = await room.open(['alice', 'bob', 'carol']);
    const [desk, phone] = [await room.enter(hall, 'alice'), await room.enter(hall, 'alice', { instance: 'urn:uuid:phone' })];
    const [one, two] = [await room.enter(hall, 'bob'), await room.enter(hall, 'bob', { instance: 'urn:uuid:bob-2' })];
    const carol = await room.enter(hall, 'carol');
    await desk.say(textOf('alice', 'read this', 'm1'));
    await expect.poll(() => [one.got.length, two.got.length, carol.got.length], wait).toEqual([1, 1, 1]);
    expect(phone.got).toEqual([]);
    for (const status of ['delivered', 'displayed'] as const) {
      await Promise.all([one, two].map((device) => device.say(notificationOf('bob', 'alice', 'm1', status))));
      await carol.say(notificationOf('carol', 'alice', 'm1', status));
    }
    await expect.poll(() => desk.got, wait).toHaveLength(4);
    await carol.say(textOf('carol', 'after all of them'));
    await expect.poll(() => [desk.got.length, phone.got.length, one.got.length, two.got.length], wait).toEqual([5, 1, 2, 2]);
    expect(desk.got.filter((text) => text.includes('<delivered/>'))).toHaveLength(2);
    expect(carol.got).toHaveLength(1);
    await expect(one.say(notificationOf('bob', 'zoe', 'm1', 'displayed'))).rejects.toMatchObject({ code: 'msrp.refused' });
  });

  it('what somebody says on one of his devices comes to another one that knows his own words', async () => {
    const room = await start();
    const hall = await room.open(['alice', 'bob']);
    const desk = await room.enter(hall, 'alice');
    const phone = await room.enter(hall, 'alice', { instance: 'urn:uuid:phone', knowsOwn: true });
    await desk.say(textOf('alice', 'from the desk'));
    await expect.poll(() => phone.got, wait).toHaveLength(1);
    expect(desk.got).toEqual([]);
  });

  it('who composes is seen by those who keep up, and never later', async () => {
    const room = await start();
    const hall = await room.open(['alice', 'bob', 'carol']);
    const [alice, bob] = [await room.enter(hall, 'alice'), await room.enter(hall, 'bob')];
    const composing = utf8(
      'From: <sip:alice@home1.example>\r\nTo: <sip:cpm-conf-7f3a91@cf.home1.example>\r\n\r\nContent-Type: application/im-iscomposing+xml\r\n\r\n<isComposing/>',
    );
    await alice.session.send({ contentType: 'message/cpim', source: composing, successReport: false, failureReport: 'no' });
    await expect.poll(() => bob.got, wait).toHaveLength(1);
    await alice.say(textOf('alice', 'done'));
    const carol = await room.enter(hall, 'carol');
    await expect.poll(() => [bob.got.length, carol.got.length], wait).toEqual([2, 1]);
    expect(lastLine(carol.got[0] ?? '')).toBe('done');
    // what was for somebody else alone puts nobody behind
    for (const name of ['bob', 'carol']) await expect.poll(() => hall.awaits(addressOf(name)), wait).toBe(false);
    await carol.say(notificationOf('carol', 'alice', 'm', 'delivered'));
    await alice.session.send({ contentType: 'message/cpim', source: composing, successReport: false, failureReport: 'no' });
    await expect.poll(() => [bob.got.length, carol.got.length], wait).toEqual([3, 2]);
  });

  it.each(['F07-10', 'F07-14', 'F07-15'])('%s goes on as it came, but for its reader in To', async (name) => {
    const room = await start();
    const hall = await room.open([]);
    for (const each of ['alice', 'carol']) await hall.admit({ ...memberOf(each), displayName: '' });
    const [alice, carol] = [await room.enter(hall, 'alice'), await room.enter(hall, 'carol')];
    const frame = fromUtf8(exampleOctets(`${name}.msrp`));
    const body = frame.slice(frame.indexOf('\r\n\r\n') + 4, frame.lastIndexOf('\r\n-------'));
    await alice.session.send({ contentType: 'message/cpim', source: utf8(body), successReport: false });
    await expect.poll(() => carol.got, wait).toEqual([body.replace(/^To: .*$/m, 'To: <sip:carol@home1.example>')]);
  });

  it('who was removed says nothing more and hears nothing more', async () => {
    const room = await start();
    const hall = await room.open(['alice', 'bob', 'carol']);
    const [alice, bob, carol] = [await room.enter(hall, 'alice'), await room.enter(hall, 'bob'), await room.enter(hall, 'carol')];
    await hall.expel(addressOf('bob'));
    await expect(bob.say(textOf('bob', 'let me in'))).rejects.toThrow();
    await alice.say(textOf('alice', 'he is gone'));
    await expect.poll(() => carol.got, wait).toHaveLength(1);
    expect([alice.got, bob.got, bob.broken]).toEqual([[], [], []]);
    expect(await hall.awaits(addressOf('bob'))).toBe(false);
    // who is invited again begins with what comes then
    await hall.admit(memberOf('bob'));
    const again = await room.enter(hall, 'bob');
    await alice.say(textOf('alice', 'he is back'));
    await expect.poll(() => again.got.map(lastLine), wait).toEqual(['he is back']);
  });

  it('one who reads slowly slows nobody, and has all of it in the end', async () => {
    const room = await start();
    const hall = await room.open(['alice', 'bob', 'carol']);
    let free: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (free = resolve));
    const [alice, bob] = [await room.enter(hall, 'alice'), await room.enter(hall, 'bob')];
    const carol = await room.enter(hall, 'carol', { answer: () => held });
    for (let n = 0; n < 400; n++) await alice.say(textOf('alice', String(n)));
    await expect.poll(() => bob.got.length, wait).toBe(400);
    expect(carol.got).toEqual([]);
    free();
    await expect.poll(() => carol.got.length, wait).toBe(400);
    expect(carol.got.map(lastLine)).toEqual(bob.got.map(lastLine));
  });

  it('a large text comes whole and in its place; what is too large is refused', async () => {
    const room = await start();
    const hall = await room.open(['alice', 'bob']);
    const [alice, bob] = [await room.enter(hall, 'alice'), await room.enter(hall, 'bob')];
    const large = 'x'.repeat(600_000);
    await alice.say(textOf('alice', 'before'));
    await alice.say(textOf('alice', large));
    await Promise.all([alice.say(textOf('alice', 'after')), alice.say(textOf('alice', 'all'))]);
    await expect.poll(() => bob.got.map((text) => lastLine(text).length), wait).toEqual([6, 600_000, 5, 3]);
    await expect(alice.say(textOf('alice', 'y'.repeat(1_100_000)))).rejects.toMatchObject({ code: 'msrp.stopped' });
  });

  it('a device is not sent what it does not take, and goes on', async () => {
    const room = await start();
    const hall = await room.open(['alice', 'bob', 'carol']);
    const alice = await room.enter(hall, 'alice');
    const bob = await room.enter(hall, 'bob', { acceptWrappedTypes: ['text/html'] });
    const carol = await room.enter(hall, 'carol', { maxSize: 1_000 });
    await alice.say(textOf('alice', 'plain'));
    await alice.say(textOf('alice', 'x'.repeat(2_000)));
    await alice.say(textOf('alice', 'last'));
    await expect.poll(() => carol.got.map(lastLine), wait).toEqual(['plain', 'last']);
    expect(bob.got).toEqual([]);
    await expect.poll(() => hall.awaits(addressOf('bob')), wait).toBe(false);
  });

  it('what nobody can take any more is refused until somebody has some of it', async () => {
    const room = await start({ quota: { items: 3, octets: 1_000_000 } });
    const hall = await room.open(['alice', 'bob']);
    const alice = await room.enter(hall, 'alice');
    for (let n = 0; n < 3; n++) await alice.say(textOf('alice', String(n)));
    await expect(alice.say(textOf('alice', 'too much'))).rejects.toMatchObject({ code: 'msrp.stopped' });
    const bob = await room.enter(hall, 'bob');
    await expect.poll(() => bob.got, wait).toHaveLength(3);
    await expect
      .poll(
        () =>
          alice.say(textOf('alice', 'again')).then(
            () => true,
            () => false,
          ),
        wait,
      )
      .toBe(true);
  });

  it('a device that lies in a drawer stops no group', async () => {
    const room = await start({ quota: { items: 3, octets: 1_000_000 }, clock: new ManualClock() });
    const hall = await room.open(['alice', 'bob']);
    const [alice, bob] = [await room.enter(hall, 'alice'), await room.enter(hall, 'bob')];
    const old = await room.enter(hall, 'bob', { instance: 'urn:uuid:drawer' });
    await old.seat.leave();
    for (let n = 0; n < 9; n++) {
      await alice.say(textOf('alice', String(n)));
      await expect.poll(() => hall.awaits(addressOf('bob'), 'urn:uuid:bob'), wait).toBe(false);
    }
    expect(bob.got).toHaveLength(9);
  });

  it('what nobody came for in time is gone, and its author hears of each who has not got it', async () => {
    const clock = new ManualClock();
    const room = await start({ clock, life: 60_000 });
    const hall = await room.open(['alice', 'bob', 'carol']);
    const [alice, bob] = [await room.enter(hall, 'alice'), await room.enter(hall, 'bob')];
    await alice.say(textOf('alice', 'in time', 'm1'));
    await expect.poll(() => hall.awaits(addressOf('bob')), wait).toBe(false);
    await clock.advance(60_001);
    await expect.poll(() => alice.got, wait).toHaveLength(1);
    expect(alice.got[0]).toMatch(/^From: "?carol"? <sip:carol@home1\.example>\r\nTo: <sip:alice@home1\.example>/);
    expect(alice.got[0]).toMatch(/<message-id>m1<\/message-id>.*<failed\/>/s);
    const carol = await room.enter(hall, 'carol');
    await bob.say(textOf('bob', 'later'));
    await expect.poll(() => [carol.got.map(lastLine), alice.got.length], wait).toEqual([['later'], 2]);
  });

  it('a device that comes in again takes its old place, and one that nobody has seen begins where another one of its member is', async () => {
    const room = await start();
    const hall = await room.open(['alice', 'bob']);
    const alice = await room.enter(hall, 'alice');
    const first = await room.enter(hall, 'bob');
    await alice.say(textOf('alice', '1'));
    await expect.poll(() => first.got, wait).toHaveLength(1);
    const second = await room.enter(hall, 'bob');
    const other = await room.enter(hall, 'bob', { instance: 'urn:uuid:new' });
    await alice.say(textOf('alice', '2'));
    await expect.poll(() => [second.got.map(lastLine), other.got.map(lastLine)], wait).toEqual([['2'], ['2']]);
    expect([first.got.length, first.broken]).toEqual([1, []]);
  });

  it('what was answered is there after a restart of the network, and what a device answered does not come again', async () => {
    const databases = networkDatabases(temporary);
    const first = await start({ databases });
    const hall = await first.open(['alice', 'bob', 'carol']);
    const [alice, bob] = [await first.enter(hall, 'alice'), await first.enter(hall, 'bob')];
    await alice.say(textOf('alice', 'one', 'm1'));
    await expect.poll(() => bob.got.length === 0 || hall.awaits(addressOf('bob')), wait).toBe(false);
    await bob.seat.leave();
    await alice.say(textOf('alice', 'x'.repeat(100_000), 'm2'));
    await alice.say(textOf('alice', 'three', 'm3'));
    await first.plane.close();
    const second = await start({ databases });
    const again = await second.open(['alice', 'bob', 'carol', 'dave']);
    expect([await again.awaits(addressOf('bob')), await again.awaits(addressOf('dave'))]).toEqual([true, false]);
    const alice2 = await second.enter(again, 'alice');
    await alice2.say(textOf('alice', 'three', 'm3'));
    const [bob2, carol2] = [await second.enter(again, 'bob'), await second.enter(again, 'carol')];
    await expect.poll(() => bob2.got.map((text) => lastLine(text).length), wait).toEqual([100_000, 5]);
    await expect.poll(() => carol2.got.map((text) => lastLine(text).length), wait).toEqual([3, 100_000, 5]);
    // nobody but the one who was never there and the newest waits for anything: the file goes
    const dave = await second.enter(again, 'dave');
    await expect.poll(() => readdirSync(join(temporary, 'conference-files')), wait).toEqual([]);
    expect(dave.got).toEqual([]);
    await again.end();
    expect(await again.awaits(addressOf('bob'))).toBe(false);
  });

  it('octets that find no way are told of', async () => {
    const room = await start();
    const hall = await room.open(['alice', 'bob']);
    const bob = await room.enter(hall, 'bob');
    await bob.session.close();
    await expect.poll(() => bob.broken, wait).toHaveLength(1);
    expect(bob.broken[0]).not.toContain('"');
  });
});
