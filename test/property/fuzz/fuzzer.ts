import { ParleyError } from '../../../shared/base/errors.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import type { Target } from './target.ts';

/** No input may take longer, ms. */
export const LONGEST_MS = 50;
/** runs of an input that was slow: what the machine did meanwhile is not the decoder's */
const CHECKED_AGAIN = 5;
const MOST_SEEDS = 400;
/** octets */
const LONGEST_KEPT = 4096;
/** findings of one target that are looked into; the rest of them are nearly always the same */
const MOST_FINDINGS = 5;

export interface Finding {
  readonly target: string;
  readonly what: string;
  /** as small as it could be made */
  readonly input: Uint8Array;
}

export interface Report {
  readonly target: string;
  readonly inputs: number;
  /** that were understood */
  readonly understood: number;
  /** different ways in which inputs were refused */
  readonly refusals: number;
  readonly worstMs: number;
  readonly worstOctets: number;
  readonly findings: readonly Finding[];
}

/** Runs that many inputs. The same seed gives the same inputs. */
export function fuzz(target: Target, inputs: number, seed: number, longestMs = LONGEST_MS): Report {
  const random = new Random(seed, target.name);
  const good = [...target.seeds];
  const refused: Uint8Array[] = [];
  const known = new Set<string>();
  const findings: Finding[] = [];
  const seen = new Set<string>();
  let understood = 0;
  let [worstMs, worstOctets] = [0, 0];
  for (let count = 0; count < inputs; count++) {
    // what the repository holds first, as it is
    const input =
      count < target.seeds.length
        ? (target.seeds[count] as Uint8Array)
        : mutate(random.once(4) && refused.length > 0 ? refused : good, target.words, random);
    const outcome = attempt(target, input);
    if (outcome.kind === 'understood') understood++;
    // one that is understood leads further from what was written by hand, a new way to be refused is a new place in the decoder
    if (outcome.kind === 'understood' && random.once(100)) keep(good, input, target.seeds.length, random);
    if (outcome.kind === 'refused' && !known.has(outcome.why)) {
      known.add(outcome.why);
      keep(refused, input, 0, random);
    }
    let what = outcome.kind === 'broken' ? outcome.why : null;
    if (outcome.ms > worstMs && what === null) {
      const ms = timeOf(target, input, outcome.ms > longestMs ? CHECKED_AGAIN : 2);
      if (ms > worstMs) [worstMs, worstOctets] = [ms, input.length];
      if (ms > longestMs) what = `slower than ${LONGEST_MS} ms`;
    }
    if (what === null || seen.has(what) || findings.length === MOST_FINDINGS) continue;
    seen.add(what);
    findings.push({ target: target.name, what, input: minimised(target, input, what) });
  }
  return { target: target.name, inputs, understood, refusals: known.size, worstMs, worstOctets, findings };
}

/** In the place of another one, but of none of the first, once there are enough. */
function keep(list: Uint8Array[], input: Uint8Array, first: number, random: Random): void {
  if (input.length > LONGEST_KEPT) return;
  if (list.length < MOST_SEEDS) list.push(input);
  else list[first + random.below(list.length - first)] = input;
}

/** What is wrong with how that input is taken; null: nothing. */
export function judge(target: Target, input: Uint8Array): string | null {
  const outcome = attempt(target, input);
  if (outcome.kind === 'broken') return outcome.why;
  return outcome.ms > LONGEST_MS && timeOf(target, input, CHECKED_AGAIN) > LONGEST_MS ? `slower than ${LONGEST_MS} ms` : null;
}

type Outcome =
  | { readonly kind: 'understood'; readonly ms: number }
  | { readonly kind: 'refused' | 'broken'; readonly why: string; readonly ms: number };

function attempt(target: Target, input: Uint8Array): Outcome {
  const began = performance.now();
  try {
    target.run(input);
    return { kind: 'understood', ms: performance.now() - began };
  } catch (thrown) {
    const ms = performance.now() - began;
    if (thrown instanceof ParleyError)
      return {
        kind: 'refused',
        why: thrown.message
          .split(' ', 3)
          .join(' ')
          .replace(/[0-9]+|".*/gs, '#')
          .slice(0, 60),
        ms,
      };
    return { kind: 'broken', why: thrown instanceof Error ? `${thrown.name}: ${thrown.message}`.slice(0, 200) : String(thrown), ms };
  }
}

/** The least of some runs, in time of the processor: other programs do not count. */
function timeOf(target: Target, input: Uint8Array, times: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < times; turn++) {
    const before = process.threadCpuUsage();
    attempt(target, input);
    const { user, system } = process.threadCpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

/** Takes parts out, half of it first, for as long as the same goes wrong. */
function minimised(target: Target, input: Uint8Array, what: string): Uint8Array {
  const until = performance.now() + 5_000;
  const kind = what.replace(/[0-9]+/g, '#').slice(0, 60);
  const same = (candidate: Uint8Array): boolean =>
    judge(target, candidate)
      ?.replace(/[0-9]+/g, '#')
      .slice(0, 60) === kind;
  let smallest = input;
  for (let size = Math.ceil(input.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.length; ) {
      if (performance.now() > until) return smallest;
      const without = Uint8Array.from([...smallest.subarray(0, at), ...smallest.subarray(at + size)]);
      if (same(without)) smallest = without;
      else at += size;
    }
  }
  return smallest;
}
