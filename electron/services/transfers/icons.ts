import { toCodedError } from '../../../shared/base/errors.ts';
import type { Part } from '../../../shared/protocol/multipart/multipart.ts';
import { decodeIconPart, encodeIconPart, type Icon } from '../../../shared/protocol/picture/icon-part.ts';
import type { IncomingInvite } from '../../sip/port.ts';
import type { StoredTransfer } from '../../store/port.ts';
import type { Link, ServiceContext } from '../context.ts';
import { contentId } from './invitation.ts';

/** Who shows thumbnails, as far as that is known (seed 000 leaves open how; cpm.md section 10.8). */
export interface IconTakers {
  takesThumbnails(who: { readonly peer: string; readonly route: string | null }, link: Link): Promise<boolean>;
  thumbnailRefused(peer: string): void;
}

export const NOBODY_TAKES_ICONS: IconTakers = { takesThumbnails: async () => false, thumbnailRefused: () => undefined };

/** The thumbnail of one file as it goes with its offer. */
export interface IconToSend {
  /** for `a=file-icon:cid:…` */
  readonly contentId: string;
  readonly part: Part;
}

/** what an answer to an offer with a thumbnail may be about: its form, or its size */
const ABOUT_FORM: ReadonlySet<number> = new Set([413, 415, 513]);

/** Thumbnails that go with files (seed 000 7.4.1(1)(f), RFC 5547 section 8.8). */
export class Icons {
  readonly #context: ServiceContext;
  readonly #takers: IconTakers;
  /** by transfer, with whom: what the last offer had a thumbnail in */
  readonly #offered = new Map<number, string>();
  /** by transfer, with whom: such an offer was refused, and whether it is the thumbnail is not known yet */
  readonly #without = new Map<number, string>();

  constructor(context: ServiceContext, takers: IconTakers) {
    this.#context = context;
    this.#takers = takers;
  }

  /** What goes with the next offer of that file; null where it has none, or its peer is not known to show any. Never rejects. */
  async toSend({ id, whole, peer: recipient, conversationId, direction }: StoredTransfer, link: Link): Promise<IconToSend | null> {
    const { account, store, log } = this.#context;
    this.#offered.delete(id);
    // one who asks for a file has no picture of it to show
    if (direction === 'in' || this.#without.has(id)) return null;
    try {
      const icon = await store.thumbnail(id);
      if (icon === null) return null;
      const conversation = await store.conversation(conversationId);
      const { kind, peer, route } = whole === null ? conversation : { kind: 'person', peer: recipient, route: null };
      // what a list or a group can show is known of none of them
      if (kind !== 'person' || !(await this.#takers.takesThumbnails({ peer, route }, link))) return null;
      this.#offered.set(id, peer);
      const name = contentId(account.address);
      return { contentId: name, part: encodeIconPart(icon, name) };
    } catch (thrown) {
      log(`thumbnail of transfer ${id}: ${toCodedError(thrown).detail}`);
      return null;
    }
  }

  /** The answer to an offer of these files. @returns whether all of them are to be offered once more at once, which will be without thumbnails */
  answered(files: readonly StoredTransfer[], status: number): boolean {
    const offered = files.flatMap(({ id }) => {
      const peer = this.#offered.get(id);
      this.#offered.delete(id);
      return peer === undefined ? [] : [{ id, peer }];
    });
    if (offered.length > 0 && ABOUT_FORM.has(status)) {
      for (const { id, peer } of offered) this.#without.set(id, peer);
      return true;
    }
    for (const { id } of files) {
      const refusedBy = this.#without.get(id);
      this.#without.delete(id);
      if (refusedBy !== undefined && status < 300) this.#takers.thumbnailRefused(refusedBy);
    }
    return false;
  }
}

/**
 * Keeps the thumbnail that an offer names, if it is of use. Of a stranger none is kept: the person sees nothing of him before accepting him, and 64 KiB with
 * each invitation would be his to fill the disk with.
 * @returns what is there now; the rows as they were where there is none. Never rejects
 */
export async function keepIcon<Rows extends OfferRows>(
  { store, log }: Pick<ServiceContext, 'store' | 'log'>,
  invite: Pick<IncomingInvite, 'contentType' | 'body' | 'callId'>,
  named: string | null,
  rows: Rows,
): Promise<Rows> {
  const icon = rows.conversation.request ? null : receivedIcon(invite, named, log);
  if (icon === null) return rows;
  try {
    return { ...rows, ...(await store.setThumbnail(rows.transfer.id, icon)) };
  } catch (thrown) {
    log(`thumbnail of file INVITE ${invite.callId} not kept: ${toCodedError(thrown).detail}`);
    return rows;
  }
}

interface OfferRows {
  readonly conversation: { readonly request: boolean };
  readonly transfer: { readonly id: number };
}

/**
 * The thumbnail that an offer names, checked; null where there is none, or one that is of no use: that is a line in the log and no harm to the file.
 * @param named Content-ID of the offer's `file-icon`
 */
function receivedIcon(
  { contentType, body, callId }: Pick<IncomingInvite, 'contentType' | 'body' | 'callId'>,
  named: string | null,
  log: (line: string) => void,
): Icon | null {
  if (named === null) return null;
  try {
    return decodeIconPart(contentType, body, named);
  } catch (thrown) {
    const { code, detail } = toCodedError(thrown);
    log(`thumbnail of file INVITE ${callId} left out: ${code} ${detail}`);
    return null;
  }
}
