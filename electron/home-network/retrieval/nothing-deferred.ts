import { Emitter } from '../../../shared/base/emitter.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import type { Deferral } from '../deferral/port.ts';

/** Of a network that keeps nothing for later. */
export const NOTHING_DEFERRED: Deferral = {
  list: async () => [],
  claim: async () => [],
  content: () => Promise.reject(new ParleyError('request.not-found', 'nothing is deferred here')),
  record: () => Promise.reject(new ParleyError('request.not-found', 'nothing is deferred here')),
  settle: async () => false,
  release: async () => undefined,
  deliverFile: () => undefined,
  changed: new Emitter(),
};
