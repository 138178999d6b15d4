/** What the two sides of a measurement move. */
export interface Job {
  readonly path: string;
  readonly size: number;
  /** null: neither side hashes */
  readonly sha256: string | null;
  readonly count: number;
  /** octets of body that no chunk of the engine may exceed; absent: what it chooses itself */
  readonly chunk?: number;
  /** over TLS, with these PEM texts */
  readonly secure?: { readonly key: string; readonly cert: string; readonly ca: string };
}

export type Figures = Readonly<Record<string, number>>;

/** What a role gives the bench: where the other side finds it, and later how it went. */
export interface Side {
  /** told to the other side */
  readonly contact: unknown;
  /** starts the work, once the other side is known; resolves when this side's part is done */
  run(other: unknown): Promise<Figures> | Promise<void>;
}

/** the value below which that part of them lies; 0 of none */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
