import { randomToken } from '../../shared/base/random.ts';
import type { Group, Presence } from '../../shared/model/group.ts';
import type { Message } from '../../shared/model/message.ts';
import type { Person } from './two-people.ts';

/** What tests of groups ask of whole clients. */

export const say = (person: Person, conversationId: number, text: string): Promise<Message> =>
  person.call['messages.sendText']({ conversationId, clientId: randomToken(24), text });
export const became = (at: Person, sent: Message, status: Message['status']): Promise<Message> =>
  at.seesMessage((message) => message.imdnId === sent.imdnId && message.status === status);
export async function textsAt(person: Person, conversationId: number): Promise<string[]> {
  const all: Message[] = [];
  for (let more = true; more; ) {
    const page = await person.call['messages.page']({ conversationId, limit: 200, before: all[0]?.id });
    all.unshift(...page.items);
    more = page.moreBefore;
  }
  return all.filter(({ kind }) => kind === 'text').map(({ text }) => text);
}
export const linesAt = async (person: Person, conversationId: number): Promise<string[]> =>
  (await person.history(conversationId)).flatMap(({ event }) =>
    event === null ? [] : [`${event.what} ${event.people.map(({ name }) => name).join(' ')}`.trim()],
  );
export const presenceOf = ({ participants }: Group, name: string): Presence | undefined =>
  participants.find((participant) => participant.name.toLowerCase() === name)?.presence;

/** The group that this person hears of first with that subject. */
export const invitedTo = (person: Person, subject: string): Promise<Group> =>
  person.sees('group.changed', (group) => group.subject === subject && group.standing === 'invited');
export const memberOf = (person: Person, subject: string): Promise<Group> =>
  person.sees('group.changed', (group) => group.subject === subject && group.standing === 'member' && group.session === 'open');
