import type { Clock } from '../../../shared/base/clock.ts';
import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { randomUuid } from '../../../shared/base/random.ts';
import { createUserAgent } from '../../sip/user-agent.ts';
import { agentOptions } from '../agent-options.ts';
import type { ClientPorts } from '../port.ts';

/** longer than one server takes to be silent, ms */
const PATIENCE = 20_000;
const EXPIRES_S = 60;

/**
 * Registers as the account says, as a device of its own that offers nothing, and signs out again: so what is known afterwards was proven,
 * and a client of the same account that is at work loses nothing.
 * @returns null when the registrar agreed, else why not
 */
export async function tryAccount(given: Pick<ClientPorts, 'account' | 'version' | 'platform'>, clock: Clock): Promise<CodedError | null> {
  let agent: ReturnType<typeof createUserAgent> | null = null;
  let cancel = (): void => {};
  try {
    agent = createUserAgent({ ...agentOptions(given), instanceUrn: `urn:uuid:${randomUuid()}`, services: [], expires: EXPIRES_S });
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(PATIENCE, () => reject(new ParleyError('link.timeout', `no answer within ${PATIENCE / 1000} s`)));
    });
    await Promise.race([agent.register(), late]);
    await agent.unregister();
    return null;
  } catch (thrown) {
    return toCodedError(thrown);
  } finally {
    cancel();
    await agent?.close();
  }
}
