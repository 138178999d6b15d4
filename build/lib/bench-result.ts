/** What one measurement says. Absolute figures depend on the machine; the ratio is what is compared between machines. */
export interface BenchResult {
  readonly name: string;
  /** this code's rate divided by that of `against`, both measured in the same run; 1 is as fast */
  readonly ratio: number;
  /** what it was measured against */
  readonly against: string;
  /** the measured values, named with their unit */
  readonly figures: Readonly<Record<string, unknown>>;
  /** what it is to reach, where something was asked for */
  readonly target?: BenchTarget;
}

/** `figure` is at least or at most `limit`, in `unit` (`×` where it is a ratio). */
export interface BenchTarget {
  readonly figure: number;
  readonly bound: 'at least' | 'at most';
  readonly limit: number;
  readonly unit: string;
  readonly verdict: 'ok' | 'short';
}

/** Judges a figure. */
export function target(figure: number, bound: BenchTarget['bound'], limit: number, unit = '×'): BenchTarget {
  const isReached = bound === 'at least' ? figure >= limit : figure <= limit;
  return { figure, bound, limit, unit, verdict: isReached ? 'ok' : 'short' };
}

/**
 * Checks what a bench file's `run()` gave.
 * @throws Error naming what is wrong
 */
export function benchResults(value: unknown): BenchResult[] {
  if (!Array.isArray(value) || value.length === 0) throw new Error('run() gave no results');
  return value.map((entry: unknown) => {
    const { name, ratio, against, figures, target } = (entry ?? {}) as Record<string, unknown>;
    if (typeof name !== 'string' || name === '') throw new Error('a result has no name');
    if (typeof ratio !== 'number' || !Number.isFinite(ratio)) throw new Error(`${name} has no finite ratio`);
    if (typeof against !== 'string' || against === '') throw new Error(`${name} does not say what it was measured against`);
    if (typeof figures !== 'object' || figures === null) throw new Error(`${name} has no figures`);
    const result = { name, ratio, against, figures: figures as Record<string, unknown> };
    return target === undefined ? result : { ...result, target: target as BenchTarget };
  });
}
