import { ParleyError } from '../../shared/base/errors.ts';
import { type Account, DEFAULT_MAX_RECIPIENTS, type GroupAddress } from '../../shared/model/account.ts';
import { canonicalAddress } from '../../shared/model/address.ts';

/** The group that an address means. @param address canonical */
export function groupOf({ groups = [] }: Pick<Account, 'groups'>, address: string): GroupAddress | null {
  return groups.find((group) => canonicalAddress(group.address) === address) ?? null;
}

/** Before anything leaves (cpm.md section 19, 30). @throws ParleyError `request.too-many` */
export function checkRecipients({ maxRecipients = DEFAULT_MAX_RECIPIENTS }: Pick<Account, 'maxRecipients'>, count: number): void {
  if (count > maxRecipients) throw new ParleyError('request.too-many', `${count} recipients, at most ${maxRecipients}`);
}

/** What stands in Reply-To: the address that the person set, unless it is his own. @param setting '' for none */
export function replyAddress(setting: string, { address, countryCode }: Pick<Account, 'address' | 'countryCode'>): string | null {
  const wanted = canonicalAddress(setting, countryCode);
  return wanted === null || wanted === canonicalAddress(address) ? null : wanted;
}
