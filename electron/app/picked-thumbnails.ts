import { fromBinaryString } from '../../shared/base/bytes.ts';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import type { Icon } from '../../shared/protocol/picture/icon-part.ts';
import { readIconPicture } from '../../shared/protocol/picture/icon-picture.ts';

/** octets; no larger one leaves this device (cpm.md section 10.3) */
const MAX_SENT = 10 * 1024;
const MAX_KEPT = 1000;

/**
 * Thumbnails that the page made of files that were picked. It may be done before or after a file is sent, so both are waited for: what was made
 * of a token goes to every transfer of it.
 */
export class PickedThumbnails {
  readonly #made = new Map<string, Icon>();
  readonly #sent = new Map<string, number[]>();
  readonly #save: (transferId: number, icon: Icon) => Promise<void>;

  constructor(save: (transferId: number, icon: Icon) => Promise<void>) {
    this.#save = save;
  }

  /** @param base64 a PNG or JPEG; the page is believed nothing. @throws ParleyError `request.invalid` */
  async made(token: string, base64: string): Promise<void> {
    const icon = iconOf(base64);
    keep(this.#made, token, icon);
    for (const transferId of this.#sent.get(token) ?? []) await this.#save(transferId, icon);
  }

  async sent(token: string, transferId: number): Promise<void> {
    keep(this.#sent, token, [...(this.#sent.get(token) ?? []), transferId]);
    const icon = this.#made.get(token);
    if (icon !== undefined) await this.#save(transferId, icon);
  }
}

function iconOf(base64: string): Icon {
  try {
    const octets = fromBinaryString(atob(base64));
    if (octets.length > MAX_SENT) throw new ParleyError('request.invalid', `a thumbnail of ${octets.length} octets`);
    return { ...readIconPicture(octets), octets };
  } catch (thrown) {
    throw new ParleyError('request.invalid', toCodedError(thrown).detail, { cause: thrown });
  }
}

function keep<Value>(map: Map<string, Value>, token: string, value: Value): void {
  map.delete(token);
  map.set(token, value);
  const [oldest] = map.keys();
  if (map.size > MAX_KEPT && oldest !== undefined) map.delete(oldest);
}
