import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../../../shared/base/bytes.ts';
import { decodeSip } from '../../../../shared/protocol/sip/codec.ts';
import type { SipMessage } from '../../../../shared/protocol/sip/message.ts';
import { exampleOctets } from '../../../vectors/example.ts';
import { at, FACTORY, GroupDevice, groupNetwork, IDS } from './group-device.ts';

/** what a message says, without what is of one run: names of fields, with the values that are the same in every one */
function shapeOf({ headers, body }: SipMessage): { readonly fields: readonly string[]; readonly lines: readonly string[] } {
  const fields = headers.filter(({ name }) => !PER_RUN.has(name)).map(({ name, value }) => `${name}: ${plain(value)}`);
  const text = fromUtf8(body)
    .split(/\r?\n/)
    .map((line) => plain(line.trim()))
    .filter((line) => line !== '');
  return { fields, lines: text };
}

/** of transactions and dialogs, and of the way that a message went */
const PER_RUN = new Set([
  'Via',
  'Max-Forwards',
  'Record-Route',
  'Route',
  'Call-ID',
  'Content-Length',
  'Server',
  'User-Agent',
  'P-Called-Party-ID',
]);

function plain(value: string): string {
  return value
    .replace(/sip:cpm-conf-[\w-]+@[\w.]+/g, 'sip:FOCUS')
    .replace(/@home2\.example/g, '@home1.example')
    .replace(/;tag=[\w-]+/g, ';tag=T')
    .replace(/^(\d+) (\w+)$/, 'N $2')
    .replace(/msrp:\/\/[\d.]+:\d+\/\S+;tcp/g, 'msrp://PATH')
    .replace(/^o=.*/, 'o=')
    .replace(/IN IP4 [\d.]+/, 'IN IP4 A')
    .replace(/^m=message \d+/, 'm=message P')
    .replace(/boundary="?[\w-]+"?/, 'boundary=B')
    .replace(/^--[\w-]+?(--)?$/, '--B$1')
    .replace(/expires=\d+/, 'expires=N')
    .replace(/^Content-Length: \d+$/, '')
    .replace(/; handling/, ';handling');
}

const example = (name: string): SipMessage => decodeSip(exampleOctets(name));

/** Every field of the example is there, with its value; of ours there may be more. @param other fields that differ, and why */
function expectFields(ours: SipMessage, name: string, other: Readonly<Record<string, RegExp>> = {}): void {
  const { fields } = shapeOf(ours);
  for (const field of shapeOf(example(name)).fields) {
    const label = field.slice(0, field.indexOf(':'));
    // a focus sends no PRACK, INFO or NOTIFY that could be allowed here
    const differs = label === 'Allow' ? /^Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, REFER, SUBSCRIBE, UPDATE$/ : other[label];
    if (differs === undefined) expect(fields, name).toContain(field);
    else
      expect(
        fields.find((each) => each.startsWith(`${label}: `)),
        name,
      ).toMatch(differs);
  }
}

describe('what a focus sends, against the wire examples', () => {
  it('F07-02, F07-06, F07-08, F08-02, F10-02, F10-03, F10-05, F10-10, F10-13', async () => {
    const network = await groupNetwork({ conferences: { maxUsers: 10 } });
    const [alice, bob, carol] = await GroupDevice.all(network, ['alice', 'bob', 'carol']);
    const ok = await alice.enter(alice.groupInvite(FACTORY, [at('bob'), at('carol'), at('dave')], IDS));
    expectFields(ok, 'F07-02.sip', { From: /alice/, Contact: /^Contact: <sip:FOCUS>;isfocus;\+g\.3gpp\.icsi-ref=".*oma\.cpm\.session"$/ });
    expect(shapeOf(ok).lines).toEqual(shapeOf(example('F07-02.sip')).lines);

    const invite = await bob.invited();
    expectFields(invite, 'F08-02.sip', {
      // of Alice here, and with the device that is to refresh
      'Referred-By': /<sip:alice@home1\.example>/,
      'Session-Expires': /^Session-Expires: 1800;refresher=uas$/,
      To: /<sip:bob@home1\.example>/,
      CSeq: /INVITE/,
    });
    const lines = shapeOf(invite).lines.map((line) => line.replace(/sip:\w+@/, 'sip:X@'));
    const wanted = shapeOf(example('F08-02.sip')).lines.map((line) => line.replace(/sip:\w+@/, 'sip:X@'));
    expect(lines).toEqual(wanted);

    await alice.subscribe(alice.identity);
    const whole = await alice.roster();
    expectFields(whole.notify, 'F07-06.sip', { Contact: /^Contact: <sip:cpm-conf-|<sip:FOCUS/ });
    await bob.accept(invite);
    carol.sip.answer(await carol.invited(), 603, 'Decline');
    const documents: string[] = [];
    const until = async (words: RegExp): Promise<SipMessage> => {
      for (;;) {
        const { notify, info } = await alice.roster();
        documents.push(fromUtf8(notify.body));
        expect(info.state).toBe('partial');
        if (words.test(fromUtf8(notify.body))) return notify;
      }
    };
    const declined = await until(/cause=603/);
    expectFields(declined, 'F07-08.sip', { Contact: /^Contact: <sip:/ });
    // the element of Dave in the example, of Carol here
    const element = shapeOf(example('F07-08.sip'))
      .lines.slice(-13, -2)
      .map((line) => line.replaceAll('dave', 'carol').replaceAll('Dave', 'Carol'));
    const said = shapeOf(declined).lines;
    for (const line of element) expect(said).toContain(line);

    const one = await alice.inside('REFER', {
      headers: [
        ['Refer-To', `<${at('erin')}>`],
        ['Refer-Sub', 'true'],
      ],
    });
    expectFields(one, 'F10-02.sip', { Contact: /^Contact: <sip:FOCUS>/, From: /alice/ });
    const first = await alice.sip.next((message) => message.kind === 'request' && /^refer/.test(messageEvent(message)));
    expectFields(first, 'F10-03.sip', { Contact: /<sip:FOCUS>/, 'Subscription-State': /active;expires=N/ });
    expect(shapeOf(first).lines).toEqual(shapeOf(example('F10-03.sip')).lines);
    const last = await alice.sip.next((message) => message.kind === 'request' && /^refer/.test(messageEvent(message)));
    expectFields(last, 'F10-05.sip', { Contact: /<sip:FOCUS>/ });
    const removal = await alice.inside('REFER', {
      headers: [
        ['Refer-To', `<${at('bob')};method=BYE>`],
        ['Refer-Sub', 'false'],
      ],
    });
    expectFields(removal, 'F10-10.sip', { Contact: /^Contact: <sip:FOCUS>/, From: /alice/ });
    const booted = await until(/booted/);
    expectFields(booted, 'F10-13.sip', { Contact: /^Contact: <sip:/ });
    for (const line of ['<status>disconnected</status>', '<disconnection-method>booted</disconnection-method>'])
      expect(shapeOf(booted).lines).toContain(line);
  });
});

function messageEvent({ headers }: SipMessage): string {
  return headers.find(({ name }) => name === 'Event')?.value ?? '';
}
