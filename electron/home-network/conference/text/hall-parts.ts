import type { Clock } from '../../../../shared/base/clock.ts';
import type { Imdn } from '../../../../shared/protocol/imdn/imdn.ts';
import type { MsrpEngine } from '../../../msrp/port.ts';
import type { Asked } from '../../databases/open.ts';
import type { DeferralFiles } from '../../deferral/files.ts';
import type { Spool } from '../../focus/spool.ts';
import type { LogCalls, Quota } from './database.ts';

/** What the halls of one network share. */
export interface HallParts {
  readonly msrp: MsrpEngine;
  readonly clock: Clock;
  /** where large messages are while they come in */
  readonly spool: Spool;
  readonly log: Asked<LogCalls>;
  /** where they are then; null: in the log, which is memory */
  readonly files: DeferralFiles | null;
  /** octets of one message with its wrapper */
  readonly maxMessage: number;
  /** how long what somebody has not answered waits for him, ms */
  readonly life: number;
  /** what may wait in one group for all, and for one author */
  readonly quota: Quota;
  /** Of several devices of a member one is heard, whatever way it takes: see `NotificationFilter.admit`. Addresses of members. */
  admit(from: string, author: string, imdn: Imdn, respond: (status: number) => void): ((status: number) => void) | null;
  /**
   * Whether the operator lets it pass. @param author address of a member. @param read the whole message/cpim
   * @returns status and comment of the answer to who says it; null: it may be said
   */
  screen(author: string, read: () => Promise<Uint8Array>): Promise<string | null>;
  /** devices of that group have answered something */
  passed(id: string): void;
  /** something in the log has its end then */
  keptUntil(time: number): void;
  failed(thrown: unknown): void;
}
