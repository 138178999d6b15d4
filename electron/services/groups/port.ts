import type { Params, Result } from '../../../shared/ipc/contract.ts';

/** What a page may ask of the groups of an account; see the contract for what each answers and how it fails. */
export interface GroupActions {
  create(wanted: Params<'groups.create'>): Promise<Result<'groups.create'>>;
  read(conversationId: number): Promise<Result<'groups.read'>>;
  join(wanted: Params<'groups.join'>): Promise<void>;
  joinAddress(wanted: Params<'groups.joinAddress'>): Promise<Result<'groups.joinAddress'>>;
  decline(conversationId: number): Promise<void>;
  leave(conversationId: number): Promise<void>;
  add(wanted: Params<'groups.add'>): Promise<void>;
  remove(wanted: Params<'groups.remove'>): Promise<void>;
}
