import { addressTitle, canonicalAddress } from '../../../shared/model/address.ts';
import type { Member } from '../../../shared/model/audience.ts';
import type { CpimMessage } from '../../../shared/protocol/cpim/cpim.ts';
import { cpimAddress } from '../../../shared/protocol/cpim/cpim-message.ts';
import type { ServiceContext } from '../context.ts';

export interface Author extends Member {
  readonly isSelf: boolean;
}

/** Who wrote a message in a group: its CPIM From, for which the focus answers; null where it says none. */
export function authorOf({ account, contacts }: Pick<ServiceContext, 'account' | 'contacts'>, cpim: CpimMessage): Author | null {
  const from = cpimAddress(cpim, 'From');
  const address = from === null ? null : canonicalAddress(from.uri, account.countryCode);
  if (from === null || address === null) return null;
  const isSelf = address === canonicalAddress(account.address, account.countryCode);
  // as the focus says it, whatever else is known of that person: by it repetitions are known
  return { address, name: contacts.names.get(address) ?? addressTitle(address, from.name), isSelf };
}
