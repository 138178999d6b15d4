import { decodeNumber, isToken, malformed } from './text.ts';

/** `CSeq: 4711 INVITE`; the number is below 2^31 (RFC 3261 section 8.1.1.5). */
export interface CSeq {
  readonly sequence: number;
  readonly method: string;
}

/** @throws ParleyError `sip.malformed` */
export function decodeCSeq(text: string): CSeq {
  const found = /^([0-9]+)[ \t]+(\S+)$/.exec(text);
  if (found === null || !isToken(found[2] as string)) throw malformed('not a CSeq value');
  return { sequence: decodeNumber((found[1] as string).replace(/^0+(?=.)/, ''), 'CSeq', 0x7fffffff), method: found[2] as string };
}

export function encodeCSeq(cseq: CSeq): string {
  return `${cseq.sequence} ${cseq.method}`;
}
