import { ParleyError } from '../../shared/base/errors.ts';
import type { EventName, EventPayload, Handlers } from '../../shared/ipc/contract.ts';
import type { Group } from '../../shared/model/group.ts';

/** What a core in memory answers about groups; a test says what is in them, and reads what was asked. */
export class FakeGroups {
  readonly groups = new Map<number, Group>();
  readonly asked: { readonly method: string; readonly params: unknown }[] = [];
  /** thrown by the next call that changes something */
  refusal: ParleyError | null = null;
  /** the conversation of the next group that is made or found by its address */
  made = 1;
  readonly #tell: <E extends EventName>(event: E, payload: EventPayload<E>) => void;

  constructor(tell: <E extends EventName>(event: E, payload: EventPayload<E>) => void) {
    this.#tell = tell;
  }

  readonly handlers = {
    'groups.read': async ({ conversationId }) => this.#of(conversationId),
    'groups.create': async (params) => this.#noted('groups.create', params, { conversationId: this.made }),
    'groups.joinAddress': async (params) => this.#noted('groups.joinAddress', params, { conversationId: this.made }),
    'groups.join': async (params) => this.#noted('groups.join', params, {}),
    'groups.decline': async (params) => this.#noted('groups.decline', params, {}),
    'groups.leave': async (params) => this.#noted('groups.leave', params, {}),
    'groups.add': async (params) => this.#noted('groups.add', params, {}),
    'groups.remove': async (params) => this.#noted('groups.remove', params, {}),
  } satisfies Partial<Handlers>;

  change(conversationId: number, more: Partial<Group>): void {
    const group: Group = {
      conversationId,
      standing: 'member',
      session: 'open',
      subject: '',
      invitedBy: null,
      address: null,
      participants: [],
      limit: 10,
      closed: false,
      takesFiles: true,
      error: null,
      ...this.groups.get(conversationId),
      ...more,
    };
    this.groups.set(conversationId, group);
    this.#tell('group.changed', group);
  }

  #of(conversationId: number): Group {
    const group = this.groups.get(conversationId);
    if (group === undefined) throw new ParleyError('request.not-found', `no group ${conversationId}`);
    return group;
  }

  #noted<R>(method: string, params: unknown, result: R): R {
    this.asked.push({ method, params });
    const refusal = this.refusal;
    this.refusal = null;
    if (refusal !== null) throw refusal;
    return result;
  }
}
