import { toCodedError } from '../../shared/base/errors.ts';
import type { SipTransport } from '../../shared/model/account.ts';
import { type Binding, LinkError } from './port.ts';
import { type Redirection, redirectionOf } from './redirection.ts';
import { RegisterRefusal } from './registration.ts';
import type { Flow } from './transport/flow.ts';

export interface SignOnSteps {
  readonly transport: SipTransport;
  /** one flow after the other, to the configured proxy or to where a redirection leads */
  flows(redirection: Redirection | null): AsyncIterable<Flow>;
  /** a flow that this fails on has been given up */
  registerOn(flow: Flow, redirection: Redirection | null): Promise<Binding>;
  /** nobody waits for the binding any more */
  isOver(): boolean;
}

/**
 * Registers at the first server that takes this client (cpm.md section 15.2; RFC 3263 section 4.3). The next one is asked where one does
 * not answer or answers 5xx; one redirection is followed; a flow that failed (430) is opened anew, once.
 * @throws LinkError
 */
export async function signOn(steps: SignOnSteps): Promise<Binding> {
  let redirection: Redirection | null = null;
  let hasRenewed = false;
  for (;;) {
    const failures: LinkError[] = [];
    let isNewStart = false;
    for await (const flow of steps.flows(redirection)) {
      try {
        return await steps.registerOn(flow, redirection);
      } catch (thrown) {
        const failure = asLinkError(thrown);
        const response = failure instanceof RegisterRefusal ? failure.response : null;
        if (steps.isOver() || (response !== null && response.status >= 200 && response.status < 300)) throw failure;
        const next: Redirection | null = response === null || redirection !== null ? null : redirectionOf(response, steps.transport);
        isNewStart = next !== null || (response?.status === 430 && !hasRenewed);
        hasRenewed ||= response?.status === 430;
        redirection = next ?? redirection;
        if (isNewStart) break;
        if (response !== null && Math.floor(response.status / 100) !== 5) throw failure;
        failures.push(failure);
      }
    }
    if (!isNewStart) throw sum(failures);
  }
}

export function asLinkError(thrown: unknown): LinkError {
  return thrown instanceof LinkError ? thrown : new LinkError({ ...toCodedError(thrown), retryAfterMs: null });
}

/** What several servers said. They all asked for time: then the first of them may be asked again when its time is over. */
function sum(failures: readonly LinkError[]): LinkError {
  const last =
    failures.at(-1) ?? new LinkError({ code: 'link.unreachable', detail: 'there is no address to connect to', retryAfterMs: null });
  if (failures.length < 2) return last;
  const waits = failures.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  return new LinkError({
    code: last.code,
    detail: [...new Set(failures.map(({ detail }) => detail))].join('; '),
    retryAfterMs: waits.length === failures.length ? Math.min(...waits) : null,
  });
}
