import type { Flow } from '../../electron/sip/transport/flow.ts';
import { type FlowOptions, openFlows } from '../../electron/sip/transport/open-flow.ts';

/** The first flow there is. @throws ParleyError as `openFlows` */
export async function firstFlow(options: FlowOptions, signal = new AbortController().signal): Promise<Flow> {
  for await (const flow of openFlows(options, signal)) return flow;
  throw new Error('no flow and no reason');
}
