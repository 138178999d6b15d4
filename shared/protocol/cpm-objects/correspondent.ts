import type { Mailbox } from '../mime/mail-headers.ts';

/** Somebody in From or To of a stored object. */
export interface Correspondent {
  /** `sip:…`, `tel:…` or another URI */
  readonly address: string;
  /** '' for none */
  readonly name: string;
}

/** names that nobody's mail can have (RFC 2606) */
const TELEPHONE = 'tel.invalid';
const ANY_URI = 'uri.invalid';
const PLAIN_SIP = /^sip:([!-9;-?A-~]{1,128})@([A-Za-z0-9.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])$/;

/**
 * An address of SIP as one of mail, so that mail programs can read a stored object: `sip:alice@home1.example` is alice@home1.example, a number is
 * `+4930…@tel.invalid`, whatever has no such form is quoted before `@uri.invalid`. {@link correspondentOf} is its reverse.
 */
export function mailboxOf({ address, name }: Correspondent): Mailbox {
  const sip = PLAIN_SIP.exec(address);
  if (sip?.[1] !== undefined && sip[2] !== undefined && sip[2] !== TELEPHONE && sip[2] !== ANY_URI)
    return { name, local: sip[1], domain: sip[2] };
  if (/^tel:[!-~]{1,128}$/.test(address)) return { name, local: address.slice('tel:'.length), domain: TELEPHONE };
  return { name, local: address, domain: ANY_URI };
}

export function correspondentOf({ name, local, domain }: Mailbox): Correspondent {
  const address = domain === TELEPHONE ? `tel:${local}` : domain === ANY_URI ? local : `sip:${local}@${domain}`;
  return { address, name };
}
