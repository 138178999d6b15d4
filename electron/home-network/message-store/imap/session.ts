import { ParleyError } from '../../../../shared/base/errors.ts';
import type { FetchItem } from '../../../../shared/protocol/imap/fetch-items.ts';
import type { Write } from './fetch.ts';
import type { MailHost } from './host.ts';
import type { Selected } from './selected.ts';

/** What a connection is to the commands that come over it. */
export class ImapSession {
  readonly host: MailHost;
  readonly write: Write;
  /** asks for one more line; null when the connection ended */
  readonly ask: (prompt: string) => Promise<string | null>;
  owner: string | null = null;
  selected: Selected | null = null;
  /** changes of flags are told with their modification sequence (RFC 7162) */
  hasCondstore = false;
  refusals = 0;
  isOver = false;

  constructor(host: MailHost, write: Write, ask: ImapSession['ask']) {
    this.host = host;
    this.write = write;
    this.ask = ask;
  }

  get user(): string {
    if (this.owner === null) throw new ParleyError('imap.malformed', 'sign in first');
    return this.owner;
  }

  get mailbox(): Selected {
    if (this.selected === null) throw new ParleyError('imap.malformed', 'no mailbox is selected');
    return this.selected;
  }

  get writable(): Selected {
    if (this.mailbox.isReadOnly) throw new ParleyError('request.invalid', 'the mailbox is read only');
    return this.mailbox;
  }

  get flagItems(): FetchItem[] {
    const names = this.hasCondstore ? (['UID', 'FLAGS', 'MODSEQ'] as const) : (['UID', 'FLAGS'] as const);
    return names.map((name) => ({ kind: 'value', name }));
  }

  /** Tells what others changed. @param isSilent numbers of messages must stay as they are (RFC 3501 section 7.4.1) */
  async tellChanges(isSilent: boolean): Promise<void> {
    const { selected } = this;
    if (selected === null || !selected.isStale) return;
    const { expunged, messages, flags } = await selected.refresh(isSilent);
    for (const sequence of expunged) await this.write(`* ${sequence} EXPUNGE\r\n`);
    if (messages !== null) await this.write(`* ${messages} EXISTS\r\n`);
    for (const { sequence, row } of flags) {
      const modseq = this.hasCondstore ? ` MODSEQ (${row.modseq})` : '';
      await this.write(`* ${sequence} FETCH (UID ${row.uid} FLAGS (${row.flags.join(' ')})${modseq})\r\n`);
    }
  }
}
