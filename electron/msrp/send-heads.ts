import { encodeHead } from '../../shared/protocol/msrp/codec.ts';
import { ChunkFrame } from './chunk-frame.ts';
import type { OutgoingMessage } from './port.ts';

const HOLE = '\t';

/** What its head is made of, beside Message-ID and path. */
type Fields = Pick<OutgoingMessage, 'contentType' | 'contentDisposition' | 'successReport' | 'failureReport' | 'headers'>;

/** What was written last: the texts before, between and behind Message-ID and Byte-Range, and what they come of. */
interface Known extends Fields {
  readonly toPath: readonly string[];
  readonly fromUri: string;
  readonly texts: readonly [string, string, string];
}

/** The heads of a session's messages: of texts in a conversation they differ in Message-ID and Byte-Range, so one of them is written and checked. */
export class SendHeads {
  #known: Known | null = null;

  /**
   * @param id an `ident` of RFC 4975 section 9
   * @throws ParleyError `msrp.malformed` when a field would break its line
   */
  frame(toPath: readonly string[], fromUri: string, id: string, message: OutgoingMessage): ChunkFrame {
    let known = this.#known;
    if (known === null || known.toPath !== toPath || known.fromUri !== fromUri || !isAlike(known, message)) {
      const { contentType, contentDisposition, successReport, failureReport, headers } = message;
      const fields = { contentType, contentDisposition, successReport, failureReport, headers };
      known = { ...fields, toPath, fromUri, texts: textsOf(toPath, fromUri, fields) };
      this.#known = known;
    }
    const { texts } = known;
    return new ChunkFrame(`${texts[0]}${id}${texts[1]}`, texts[2]);
  }
}

function isAlike(one: Fields, other: Fields): boolean {
  return (
    one.contentType === other.contentType &&
    one.contentDisposition === other.contentDisposition &&
    one.successReport === other.successReport &&
    one.failureReport === other.failureReport &&
    one.headers === other.headers
  );
}

function textsOf(toPath: readonly string[], fromUri: string, fields: Fields): [string, string, string] {
  const { contentType, contentDisposition, successReport, failureReport = 'yes', headers: given = [] } = fields;
  const written = contentDisposition === undefined ? ['content-type'] : ['content-type', 'content-disposition'];
  const further = given.filter(({ name }) => /^content-/i.test(name) && !written.includes(name.toLowerCase()));
  const headers = [
    { name: 'Message-ID', value: HOLE },
    { name: 'Byte-Range', value: HOLE },
    { name: 'Success-Report', value: successReport ? 'yes' : 'no' },
    { name: 'Failure-Report', value: failureReport },
    ...(contentDisposition === undefined ? [] : [{ name: 'Content-Disposition', value: contentDisposition }]),
    ...further,
    { name: 'Content-Type', value: contentType },
  ];
  const text = encodeHead({ kind: 'request', transactionId: 'none', method: 'SEND', toPath, fromPath: [fromUri], headers });
  // no path holds a tab, and no field stands before these two
  const [before = '', between = '', ...after] = text.slice('MSRP none'.length).split(HOLE);
  return [before, between, `${after.join(HOLE)}\r\n`];
}
