import { utf8 } from '../../shared/base/bytes.ts';
import { encodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { formatDateTime, makeCpim } from '../../shared/protocol/cpim/cpim-message.ts';
import type { FileTransferObject, MessageObject } from '../../shared/protocol/cpm-objects/stored-object.ts';

export interface StoredText {
  readonly text?: string;
  readonly conversationId?: string;
  readonly contributionId?: string;
  readonly subject?: string | null;
  readonly id?: string;
  readonly time?: number;
  readonly direction?: 'sent' | 'received';
}

const TIME = Date.UTC(2026, 2, 2, 9, 15, 30, 120);

/** A text of Alice's to Bob as a stored object. */
export function storedMessage(options: StoredText = {}): MessageObject {
  const {
    text = 'Hello',
    conversationId = 'c1',
    contributionId = 'k1',
    subject = null,
    id = 'imdn-1',
    time = TIME,
    direction = 'sent',
  } = options;
  const content = encodeCpim(
    makeCpim({
      from: 'sip:alice@parley.example',
      to: 'sip:bob@parley.example',
      dateTime: formatDateTime(time),
      imdnMessageId: id,
      contentType: 'text/plain;charset=UTF-8',
      content: text,
    }),
  );
  return {
    kind: 'message',
    headers: {
      messageId: `${id}@parley.example`,
      from: { address: 'sip:alice@parley.example', name: 'Älice "A", <x>' },
      to: [
        { address: 'sip:bob@parley.example', name: '' },
        { address: 'tel:+49301234567', name: 'Carol' },
      ],
      date: Math.floor(time / 1000) * 1000,
      subject,
      conversationId,
      contributionId,
      inReplyTo: null,
      imdnMessageId: id,
      direction,
      service: 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg',
      acceptContact: null,
    },
    contentType: 'Message/CPIM',
    content,
  };
}

export const FILE_SDP =
  'v=0\r\no=alice 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\na=file-selector:name:"Grüße.bin" size:3\r\n';

export function storedFile(content: Uint8Array = utf8('\0\r\n')): FileTransferObject {
  return {
    kind: 'file',
    headers: storedMessage().headers,
    transfer: { transferType: '1-1', invited: ['sip:bob@parley.example'], files: [{ cid: 'file-1@parley.example', sdp: FILE_SDP }] },
    files: [{ cid: 'file-1@parley.example', name: 'Grüße (2).bin', contentType: 'application/octet-stream', content }],
  };
}
