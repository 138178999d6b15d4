import { proxyOf } from '../../shared/model/account.ts';
import type { UserAgentOptions } from '../sip/port.ts';
import type { ClientPorts } from './port.ts';

type FromAccount = 'address' | 'displayName' | 'user' | 'password' | 'outboundProxy' | 'transport' | 'caCertificates' | 'userAgent';

/** What of a user agent is said by its account and by the program. */
export function agentOptions({
  account,
  version,
  platform,
}: Pick<ClientPorts, 'account' | 'version' | 'platform'>): Pick<UserAgentOptions, FromAccount> {
  return {
    address: account.address,
    displayName: account.displayName,
    user: account.user,
    password: account.password,
    outboundProxy: proxyOf(account),
    transport: account.transport,
    caCertificates: account.caCertificates,
    userAgent: `CPM-client/OMA2.0 Parley/${version} (${platform})`,
  };
}
