/** One step of the schema. Once released it never changes: the next change is the next file. */
export interface Migration {
  /** the schema version that it makes, kept in SQLite's user_version */
  readonly version: number;
  readonly sql: string;
}
