import type { ClientHandlers } from '../../shared/ipc/contract.ts';
import type { GroupMethod } from '../../shared/ipc/group-contract.ts';
import type { GroupActions } from '../services/groups/port.ts';
import type { RegistrationService } from '../services/registration.ts';
import { methodsOf } from './methods.ts';

interface Parts {
  readonly groups: GroupActions;
  readonly registration: RegistrationService;
}

/** What a window may ask about groups. @param core rejects while the account is not at work */
export function groupMethods(core: () => Promise<Parts>): Pick<ClientHandlers, GroupMethod> {
  const { call, order } = methodsOf(core);
  return {
    'groups.create': call(({ groups, registration }, wanted) => {
      registration.hasten();
      return groups.create(wanted);
    }),
    'groups.read': call(({ groups }, { conversationId }) => groups.read(conversationId)),
    'groups.join': order(({ groups, registration }, wanted) => {
      registration.hasten();
      return groups.join(wanted);
    }),
    'groups.joinAddress': call(({ groups, registration }, wanted) => {
      registration.hasten();
      return groups.joinAddress(wanted);
    }),
    'groups.decline': order(({ groups }, { conversationId }) => groups.decline(conversationId)),
    'groups.leave': order(({ groups }, { conversationId }) => groups.leave(conversationId)),
    'groups.add': order(({ groups }, wanted) => groups.add(wanted)),
    'groups.remove': order(({ groups }, wanted) => groups.remove(wanted)),
  };
}
