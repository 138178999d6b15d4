/** What the two sides of a measurement move. */
export interface Job {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly count: number;
}

/** What a role gives the bench: where the other side finds it, and later how it went. */
export interface Side {
  /** told to the other side */
  readonly contact: unknown;
  /** starts the work, once the other side is known; resolves when this side's part is done */
  run(other: unknown): Promise<void>;
}
