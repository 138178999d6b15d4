import * as v from 'valibot';
import { parseAccountFile } from '../../../../electron/app/accounts/account-file.ts';
import { indexText } from '../../../../electron/store/search/index-text.ts';
import { matchExpression, termsOf } from '../../../../electron/store/search/query.ts';
import { textParts } from '../../../../renderer/features/thread/text-parts.ts';
import { contract } from '../../../../shared/ipc/contract.ts';
import { decodeAnswer, decodeCall, FRAME_LIMITS } from '../../../../shared/ipc/frames.ts';
import { connectContract } from '../../../../shared/ipc/wire.ts';
import { addressTitle, canonicalAddress, domainOf } from '../../../../shared/model/address.ts';
import { cleanFileName } from '../../../../shared/model/file-name.ts';
import { htmlText } from '../../../../shared/protocol/mime/html-text.ts';
import { type Target, textCodec } from '../target.ts';

import { HEADER, SIP_WORDS } from './common.ts';

const callSeeds = Object.keys(contract.methods).map((method, at) =>
  JSON.stringify({ id: `c${at}`, method, params: { conversationId: 1, limit: 50, text: 'a', clientId: 'abcdefghijklmnop' } }),
);

const answerSeeds = [
  '{"id":"c1","result":{"items":[],"more":false}}',
  '{"id":null,"error":{"code":"contract.malformed","detail":"x"}}',
  '{"event":"conversation.removed","payload":{"conversationId":1}}',
  '{"event":"registration.changed","payload":{"kind":"waiting","since":1,"error":{"code":"link.lost","detail":""},"nextTryAt":2,"failures":1}}',
];

const JSON_WORDS = ['{"id":', '"params":', '{', '}', '[', ']', 'null', 'true', '1e999', '"\\ud800"', '"__proto__":', '[[[[[[[['];

/** What the page and the administrator write, and what people see of what others wrote. */
export const OTHER_TARGETS: readonly Target[] = [
  textCodec({
    name: 'ipc-call',
    covers: [decodeCall],
    seeds: callSeeds,
    words: JSON_WORDS,
    decode(text) {
      const call = decodeCall(text, FRAME_LIMITS.maxCall);
      if ('method' in call && Object.hasOwn(contract.methods, call.method))
        v.safeParse(contract.methods[call.method as keyof typeof contract.methods].params, call.params);
      return call;
    },
  }),
  textCodec({
    name: 'ipc-answer',
    covers: [decodeAnswer],
    seeds: answerSeeds,
    words: JSON_WORDS,
    decode(text) {
      let tell: (text: string) => void = () => undefined;
      const onText = (listener: (text: string) => void) => {
        tell = listener;
        return () => undefined;
      };
      const client = connectContract({ send() {}, onText, onClose: () => () => undefined });
      client.on('registration.changed', () => undefined);
      tell(text);
      return decodeAnswer(text, FRAME_LIMITS.maxAnswer);
    },
  }),
  textCodec({
    name: 'account-file',
    covers: [parseAccountFile],
    seeds: [
      '{"address":"sip:alice@example.com","user":"alice","password":"x","outboundProxy":"sip.example.com:5061","transport":"tls","caFile":"ca.pem"}',
      '{"address":"sip:a@[2001:db8::1]","user":"a","password":"x","outboundProxy":"wss://h/ws","maxFileSize":1}',
    ],
    words: [...JSON_WORDS, '"transport":"wss"', ';transport=tls', 'wss://'],
    longest: 65_536,
    decode: parseAccountFile,
  }),
  textCodec({
    name: 'address',
    longest: HEADER,
    covers: [canonicalAddress],
    seeds: ['"Bob" <sip:bob@Home2.example:5060;user=phone>', 'tel:+44-20-123456;isub=1', '+44 (20) 123456', 'sips:%62ob@[2001:DB8::1]'],
    words: SIP_WORDS,
    decode(text) {
      const address = canonicalAddress(text);
      addressTitle(text, text);
      domainOf(text);
      if (address !== null && canonicalAddress(address) !== address) throw new Error('a canonical address has another canonical form');
      return address;
    },
  }),
  textCodec({
    name: 'file-name',
    covers: [cleanFileName],
    seeds: ['../../etc/passwd', 'CON.txt', 'a\u202egpj.exe', 'é.png'],
    words: ['/', '\\', '..', 'NUL', '.', '\u202e'],
    decode(text) {
      const name = cleanFileName(text);
      if (cleanFileName(name) !== name) throw new Error('a cleaned name is cleaned again');
      return name;
    },
  }),
  textCodec({
    name: 'html',
    covers: [htmlText],
    seeds: ['<p>Hello<br>world &amp; <b onclick="x">all</b><script>alert(1)</script>', '<ul><li>a<li>b</ul><!-- x -->&#8364;'],
    words: ['<', '>', '</', '<!--', '-->', '&', '&#', ';', '<script>', '<br>', '\n'],
    decode: htmlText,
  }),
  textCodec({
    name: 'message-text',
    covers: [textParts, indexText, termsOf],
    seeds: ['See https://example.com/a?b=c, or mail bob@example.com.', '明日の会議 könnten größer 👩‍👩‍👧', 'שלום https://x.example/(a)'],
    words: ['https://', 'www.', '@', '.com', '\u0301', '\u200d', '漢', '😀', '\u202e', '('],
    decode(text) {
      indexText(text, 1);
      return [matchExpression(termsOf(text), 1), textParts(text)];
    },
  }),
];
