import { beforeEach, describe, expect, it } from 'vitest';
import { infoSections, infoStatus, infoWay } from '../../../renderer/features/details/info-rows.ts';
import { MessageDetails } from '../../../renderer/features/details/message-details.svelte.ts';
import { formatFullTime, formatMoment, formatTime } from '../../../renderer/features/format.ts';
import type { Message, MessageInfo } from '../../../shared/model/message.ts';
import { FakeCore } from '../../harness/fake-core.ts';
import { answers, coreBridge } from './core-bridge.ts';

const NOW = Date.UTC(2026, 10, 20, 12);
let core: FakeCore;

beforeEach(() => {
  core = new FakeCore({ now: () => NOW });
  core.addConversation('sip:bob@example.com', 'Bob Baker');
});

async function detailsOf(message: Message): Promise<MessageDetails> {
  const details = new MessageDetails(coreBridge(core), message.id);
  await details.load();
  return details;
}

async function infoOf(more: Partial<Message>) {
  const { info } = await detailsOf(core.addMessage(1, more));
  if (info === null) throw new Error('no info');
  return info;
}

const values = (sections: ReturnType<typeof infoSections>): Record<string, string> =>
  Object.fromEntries(sections.flatMap(({ rows }) => rows.map(({ label, value }) => [label, value])));

describe('message info', () => {
  it('of a received one shows the clock of its author and the one of this device', async () => {
    const info = await infoOf({ text: 'x', sentAt: NOW - 3_600_000, storedAt: NOW, displayedAt: null });
    expect(values(infoSections(info, 'Bob'))).toEqual({
      'Sent, by the clock of Bob': formatFullTime(NOW - 3_600_000),
      'Stored on this device': formatFullTime(NOW),
      'Seen here': 'Not yet',
      From: 'bob@example.com',
      'imdn.Message-ID': 'imdn-1',
      'Conversation-ID': 'conversation-1',
      'Contribution-ID': 'contribution-1',
    });
  });

  it('claims no more of delivery and display than was told', async () => {
    const { id } = core.addMessage(1, { direction: 'out', status: 'sent' });
    const told = async (reports: Partial<Pick<MessageInfo, 'deliveryReport' | 'displayReport'>>) => {
      core.reports.set(id, reports);
      const { info } = await detailsOf({ id } as Message);
      const all = values(infoSections(info as MessageInfo, 'Bob'));
      return [all['Notice of delivery came'], all['Notice of display came']];
    };
    expect(await told({})).toEqual(['Not yet', 'Not yet']);
    expect(await told({ deliveryReport: 'stored' })).toEqual(['Not yet: the network keeps it for Bob', 'Not yet']);
    expect(await told({ deliveryReport: 'forbidden', displayReport: 'forbidden' })).toEqual([
      'Not told: Bob or the network does not allow it',
      'Bob does not tell what was seen',
    ]);
    expect(await told({ deliveryReport: 'error', displayReport: 'error' })).toEqual(
      Array(2).fill('Not known: the other side could not tell'),
    );
  });

  it('of an own one shows when the notices came, and every id can be copied', async () => {
    const info = await infoOf({ direction: 'out', status: 'displayed', deliveredAt: NOW + 1000, displayedAt: NOW + 2000 });
    const sections = infoSections(info, 'Bob');
    expect(values(sections)).toMatchObject({
      'Notice of delivery came': formatFullTime(NOW + 1000),
      'Notice of display came': formatFullTime(NOW + 2000),
      To: 'bob@example.com',
    });
    expect(sections.at(-1)?.rows.map(({ copy }) => copy)).toEqual(['sip:bob@example.com', 'imdn-1', 'conversation-1', 'contribution-1']);
    expect(infoStatus(info, 'Bob', NOW)).toBe('Seen by Bob.');
  });

  it('R-PF-45: of one that another service has says which', async () => {
    const info = await infoOf({ direction: 'out', status: 'delivered', deliveredAt: NOW });
    const told = (['sms', 'mms', 'email', 'other'] as const).map((leftBy) => infoStatus({ ...info, leftBy }, 'Bob', NOW));
    expect(told.map((line) => line.split('.', 1)[0])).toEqual([
      'Sent to Bob as SMS',
      'Sent to Bob as MMS',
      'Sent to Bob as e-mail',
      'Passed on by the network',
    ]);
    expect(infoStatus(info, 'Bob', NOW)).toMatch(/^Delivered to Bob/);
  });

  it('says how often a waiting one was tried, and when it is tried again', async () => {
    const info = await infoOf({ direction: 'out', status: 'queued' });
    expect(infoStatus(info, 'Bob', NOW)).toBe(`Waits on this device. Tried once. Next try: ${formatFullTime(NOW + 60_000)}.`);
    expect(infoStatus({ ...info, waiting: { attempts: 3, nextTryAt: NOW - 1 } }, 'Bob', NOW)).toBe('Waits on this device. Tried 3 times.');
    expect(infoStatus({ ...info, waiting: { attempts: 0, nextTryAt: 0 } }, 'Bob', NOW)).toBe('Waits on this device.');
  });

  it('tells the way of an own one in a sentence, as far as it is known', async () => {
    const at = NOW - 600_000;
    const told = async (message: Partial<Message>, way: Partial<MessageInfo>) => {
      const info = await infoOf({ direction: 'out', ...message });
      return infoWay({ ...info, ...way }, NOW);
    };
    const [ten, later] = [formatTime(at), formatTime(at + 180_000)];
    const kept = { leftAt: at, takenAt: at, kept: true };
    expect(await told({ status: 'sent' }, kept)).toBe(`Left this computer ${ten}, kept by the network ${ten}.`);
    expect(await told({ status: 'displayed', deliveredAt: at + 180_000, displayedAt: at + 180_000 }, kept)).toBe(
      `Left this computer ${ten}, kept by the network ${ten}, delivered ${later}, seen ${later}.`,
    );
    // it did not stay there
    expect(await told({ status: 'delivered', deliveredAt: at + 900 }, kept)).toContain(`, taken by the network ${ten}, delivered`);
    expect(await told({ status: 'sent' }, { ...kept, kept: false })).toContain('taken by the network');
    expect(await told({ status: 'sent' }, { ...kept, kept: false, deliveryReport: 'stored' })).toContain('kept by the network');
    // the notification came before the answer
    expect(await told({ status: 'delivered', deliveredAt: at }, { leftAt: at })).toBe(`Left this computer ${ten}, delivered ${ten}.`);
    expect(await told({ status: 'sent' }, { leftAt: NOW - 86_400_000, takenAt: at })).toContain(formatMoment(NOW - 86_400_000, NOW));
  });

  it('says nothing of a way that is not known', async () => {
    const told = async (message: Partial<Message>, way: Partial<MessageInfo>) =>
      infoWay({ ...(await infoOf({ direction: 'out', ...message })), ...way }, NOW);
    const taken = { leftAt: NOW, takenAt: NOW };
    const several = { total: 3, delivered: 2, displayed: 0, failed: 1 };
    expect([
      await told({ status: 'sending' }, { leftAt: NOW }),
      await told({ status: 'queued' }, taken),
      await told({ status: 'failed' }, { leftAt: NOW }),
      await told({ status: 'sent' }, {}),
      await told({ status: 'delivered', deliveredAt: NOW, reach: several }, taken),
    ]).toEqual(Array(5).fill(null));
  });

  it('of a message to several says how many have it, not that all do', async () => {
    const reach = { total: 3, delivered: 2, displayed: 0, failed: 1 };
    const failedTo = [{ address: 'sip:dave@example.com', name: 'Dave Dunn' }];
    const info = await infoOf({ direction: 'out', status: 'delivered', reach, failedTo });
    expect(infoStatus(info, 'Bob, Carol and Dave', NOW)).toMatch(/^Delivered to 2 of 3 · Not delivered to Dave Dunn\./);
  });

  it('of a file tells its name, type and size', async () => {
    const { info } = await detailsOf(core.addFile(1, 'done'));
    expect(info && values(infoSections(info, 'Bob'))).toMatchObject({
      Name: 'report.pdf',
      Type: 'PDF document, application/pdf',
      Size: '67.1 MB',
    });
  });

  it('keeps the answer to the last question, whatever order they come in', async () => {
    const message = core.addMessage(1, { direction: 'out', status: 'sent' });
    const details = new MessageDetails(coreBridge(core), message.id);
    let late = (): void => {};
    core.before = () => {
      core.before = () => {};
      return new Promise<void>((resolve) => {
        late = resolve;
      });
    };
    const first = details.load();
    await details.load();
    core.change(message, { status: 'delivered' });
    late();
    await Promise.all([first, answers()]);
    expect(details.info?.message.status).toBe('sent');
  });

  it('says that a message is no longer there', async () => {
    const message = core.addMessage(1, {});
    core.remove(message.id);
    expect((await detailsOf(message)).error?.code).toBe('request.not-found');
  });
});
