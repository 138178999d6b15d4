import * as v from 'valibot';
import { type Clock, systemClock } from '../base/clock.ts';
import { type CodedError, ParleyError, toCodedError } from '../base/errors.ts';
import { randomToken } from '../base/random.ts';
import { contract, type EventName, type EventPayload, type Handlers, type MethodName, type Params, type Result } from './contract.ts';
import { decodeAnswer, decodeCall, FRAME_LIMITS, type FrameLimits, MAX_DETAIL } from './frames.ts';
import { GatheredEvents, type ToldEvent } from './gathered-events.ts';

/** Whatever carries texts both ways, in order: Electron IPC, a WebSocket, two functions in a test. */
export interface Channel {
  send(text: string): void;
  /** @returns a function that removes the listener */
  onText(listener: (text: string) => void): () => void;
  /** called once, at once where the channel has ended already */
  onClose(listener: () => void): () => void;
}

export interface WireOptions {
  readonly limits?: FrameLimits;
  readonly clock?: Clock;
  /** what the other end did against the contract, or this one failed to say within it; for the log */
  readonly onProblem?: (problem: CodedError) => void;
}

export type Subscribe = (listener: <E extends EventName>(event: E, payload: EventPayload<E>) => void) => () => void;

/** most calls of one page that wait for their answers; more are refused with `request.invalid-state` */
export const MAX_OPEN_CALLS = 1000;

/**
 * Answers the calls that come over `channel` and tells it the events. Nothing that arrives makes it throw: what does not fit the
 * contract is answered with `contract.malformed`; an answer of the core that does not fit becomes `internal`.
 * @returns a function that ends it; it also ends with the channel
 */
export function serveContract(channel: Channel, handlers: Handlers, subscribe: Subscribe, options: WireOptions = {}): () => void {
  const limits = options.limits ?? FRAME_LIMITS;
  let openCalls = 0;
  let ended = false;

  const problem = (error: CodedError): void => options.onProblem?.(error);
  const send = (frame: object): boolean => {
    if (ended) return true;
    const text = JSON.stringify(frame);
    if (text.length > limits.maxAnswer) return false;
    channel.send(text);
    return true;
  };
  const checked = ({ event, payload }: ToldEvent): ToldEvent[] => {
    const told = v.safeParse(contract.events[event], payload);
    if (told.success) return [{ event, payload: told.output }];
    problem({ code: 'internal', detail: `${event} is not in the contract: ${explain(told.issues)}` });
    return [];
  };
  const events = new GatheredEvents(options.clock ?? systemClock, (gathered) => {
    try {
      const all = gathered.flatMap(checked);
      // together where they fit, else each alone
      if (all.length > 1 && send({ events: all })) return;
      for (const each of all) if (!send(each)) problem({ code: 'internal', detail: `${each.event} is too large` });
    } catch (thrown) {
      problem(toCodedError(thrown));
    }
  });
  const refuse = (id: string | null, error: CodedError): void => {
    const detail = error.detail.slice(0, MAX_DETAIL);
    if (error.code === 'internal' || error.code === 'contract.malformed') problem({ code: error.code, detail });
    send({ id, error: { code: error.code, detail } });
  };

  const answer = async (text: string): Promise<void> => {
    const call = decodeCall(text, limits.maxCall);
    if ('malformed' in call) return refuse(call.id, { code: 'contract.malformed', detail: call.malformed });
    const { id, method } = call;
    if (!isMethod(method)) return refuse(id, { code: 'contract.malformed', detail: `unknown method ${quote(method)}` });
    const schema = contract.methods[method];
    const params = v.safeParse(schema.params, call.params);
    if (!params.success) return refuse(id, { code: 'contract.malformed', detail: `${method}: ${explain(params.issues)}` });
    if (openCalls >= MAX_OPEN_CALLS) return refuse(id, { code: 'request.invalid-state', detail: 'too many open calls' });
    openCalls++;
    try {
      const result = v.safeParse(schema.result, await handlers[method](params.output as never));
      if (!result.success) {
        return refuse(id, { code: 'internal', detail: `${method}: answered against the contract: ${explain(result.issues)}` });
      }
      events.flush();
      if (!send({ id, result: result.output })) refuse(id, { code: 'internal', detail: `${method}: the answer is too large` });
    } catch (thrown) {
      refuse(id, toCodedError(thrown));
    } finally {
      openCalls--;
    }
  };

  const stopListening = channel.onText((text) => {
    answer(text).catch((thrown) => problem(toCodedError(thrown)));
  });
  const unsubscribe = subscribe((event, payload) => events.tell(event, payload));
  const end = (): void => {
    if (ended) return;
    ended = true;
    stopListening();
    unsubscribe();
    events.stop();
  };
  channel.onClose(end);
  return end;
}

export interface ContractClient {
  /** Rejects with the core's coded error, `contract.malformed` where a side does not fit, `contract.closed` at the channel's end. */
  call<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>>;
  /** @returns a function that removes the listener */
  on<E extends EventName>(event: E, listener: (payload: EventPayload<E>) => void): () => void;
}

/** The page's end. Nothing that arrives makes it throw; what does not fit the contract is dropped and told to `onProblem`. */
export function connectContract(channel: Channel, options: WireOptions = {}): ContractClient {
  const limits = options.limits ?? FRAME_LIMITS;
  // A page that was loaded again must not take an answer meant for the one before it.
  const prefix = randomToken(8);
  let calls = 0;
  let closed = false;
  const open = new Map<string, OpenCall>();
  const listeners = new Map<EventName, Set<(payload: never) => void>>();
  const problem = (detail: string): void => options.onProblem?.({ code: 'contract.malformed', detail });

  const settle = (id: string): OpenCall | undefined => {
    const call = open.get(id);
    open.delete(id);
    if (call === undefined) problem('an answer to no call');
    return call;
  };

  const tell = (event: string, payload: unknown): void => {
    const told = isEvent(event) ? v.safeParse(contract.events[event], payload) : null;
    if (!isEvent(event) || told === null) {
      problem(`unknown event ${quote(event)}`);
    } else if (!told.success) {
      problem(`${event}: ${explain(told.issues)}`);
    } else {
      for (const listener of [...(listeners.get(event) ?? [])]) notify(listener, told.output);
    }
  };
  const notify = (listener: (payload: never) => void, payload: unknown): void => {
    try {
      listener(payload as never);
    } catch (thrown) {
      options.onProblem?.(toCodedError(thrown));
    }
  };

  channel.onText((text) => {
    const frame = decodeAnswer(text, limits.maxAnswer);
    if ('malformed' in frame) return problem(frame.malformed);
    if (frame.kind === 'events') {
      for (const { event, payload } of frame.events) tell(event, payload);
      return;
    }
    if (frame.kind === 'error' && frame.id === null) return problem(frame.error.detail);
    const call = frame.id === null ? undefined : settle(frame.id);
    if (call === undefined) return;
    if (frame.kind === 'error') return call.reject(new ParleyError(frame.error.code, frame.error.detail));
    const result = v.safeParse(contract.methods[call.method].result, frame.result);
    if (result.success) call.resolve(result.output);
    else call.reject(new ParleyError('contract.malformed', `${call.method}: ${explain(result.issues)}`));
  });
  channel.onClose(() => {
    closed = true;
    const waiting = [...open.values()];
    open.clear();
    for (const call of waiting) call.reject(new ParleyError('contract.closed', `${call.method}: the channel ended before its answer`));
  });

  return {
    call<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>> {
      return new Promise<Result<M>>((resolve, reject) => {
        if (closed) throw new ParleyError('contract.closed', `${method}: the channel has ended`);
        const checked = v.safeParse(contract.methods[method].params, params);
        if (!checked.success) throw new ParleyError('contract.malformed', `${method}: ${explain(checked.issues)}`);
        const id = `${prefix}${++calls}`;
        const text = JSON.stringify({ id, method, params: checked.output });
        if (text.length > limits.maxCall) throw new ParleyError('contract.malformed', `${method}: the call is too large`);
        open.set(id, { method, resolve: resolve as (result: unknown) => void, reject });
        try {
          channel.send(text);
        } catch (thrown) {
          open.delete(id);
          throw new ParleyError('contract.closed', toCodedError(thrown).detail, { cause: thrown });
        }
      });
    },
    on(event, listener) {
      const set = listeners.get(event) ?? new Set();
      listeners.set(event, set);
      set.add(listener);
      return () => set.delete(listener);
    },
  };
}

interface OpenCall {
  readonly method: MethodName;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: ParleyError) => void;
}

function isMethod(name: string): name is MethodName {
  return Object.hasOwn(contract.methods, name);
}

function isEvent(name: string): name is EventName {
  return Object.hasOwn(contract.events, name);
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}

/** The first thing that does not fit, without the value itself: it may be what a person wrote. */
function explain(issues: readonly [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]]): string {
  const [issue] = issues;
  const path = v.getDotPath(issue) ?? '(whole)';
  return `${path}: expected ${(issue.expected ?? issue.type).slice(0, 200)}`;
}
