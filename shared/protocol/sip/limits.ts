export interface SipLimits {
  /** octets of start line and headers together, with the empty line */
  readonly headerOctets: number;
  /** octets of the body */
  readonly bodyOctets: number;
  /** header fields of one message */
  readonly headerCount: number;
}

export const SIP_LIMITS: SipLimits = { headerOctets: 65_536, bodyOctets: 1_048_576, headerCount: 500 };
