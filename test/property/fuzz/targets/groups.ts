import {
  CONFERENCE_INFO_TYPE,
  decodeConferenceInfo,
  encodeConferenceInfo,
} from '../../../../shared/protocol/conference/conference-info.ts';
import {
  decodeReferred,
  decodeReferTo,
  encodeReferred,
  encodeReferTo,
  readReferSub,
  referredPart,
  replacedSession,
} from '../../../../shared/protocol/refer/refer-to.ts';
import { decodeSipfrag, encodeSipfrag } from '../../../../shared/protocol/refer/sipfrag.ts';
import { bodiesOf, headerValues } from '../seeds.ts';
import { codec, type Target, textCodec } from '../target.ts';
import { HEADER, SIP_WORDS } from './common.ts';

const REFERRED_WORDS = [
  ...SIP_WORDS,
  ';method=BYE',
  '?method=BYE',
  '?Session-Replaces=',
  '&CPM-Replaces=',
  '%3B',
  '%',
  'cid:',
  ';',
  '?',
  '&',
];

/** What a focus tells of its conference, and what it is asked for. */
export const GROUP_TARGETS: readonly Target[] = [
  codec({
    name: 'conference-info',
    covers: [decodeConferenceInfo],
    seeds: [
      ...bodiesOf(CONFERENCE_INFO_TYPE),
      '<c:conference-info xmlns:c="urn:ietf:params:xml:ns:conference-info" entity="sip:a@b" version="7"><c:users><c:user entity="sip:c@d" yourown="1">' +
        '<c:roles><c:entry>chair</c:entry></c:roles><c:endpoint state="deleted"/></c:user></c:users></c:conference-info>',
    ],
    words: [
      '<user entity="',
      ' state="deleted"',
      ' state="partial"',
      ' version="4294967295"',
      '<status>connected</status>',
      '<disconnection-method>booted',
      '<endpoint entity="',
      '&lt;',
      '<active>',
    ],
    decode: (input) => decodeConferenceInfo(input),
    encode: encodeConferenceInfo,
  }),
  textCodec({
    name: 'referred',
    longest: 8192,
    covers: [decodeReferred],
    seeds: [
      'sip:bob@home2.example;gr=urn:uuid:3c5a1f0e-9b1d?Session-Replaces=ab7ca831-a2f8',
      'sip:dave@home2.example;method=BYE',
      'sips:a;b?c@[::1]:5061;method=INVITE;x=1?CPM-Replaces=a%20b&Subject=%3F',
      'sip:erin@home1.example?method=BYE',
      'tel:+4930;method=BYE',
      'cid:5300ca7f33d6@home1.example',
    ],
    words: REFERRED_WORDS,
    decode: decodeReferred,
    use(referred) {
      referredPart(referred);
      replacedSession(referred.headers);
      const written = encodeReferred(referred);
      if (encodeReferred(decodeReferred(written)) !== written) throw new Error('what was written is read as something else');
    },
  }),
  textCodec({
    name: 'refer-to',
    longest: HEADER,
    covers: [decodeReferTo, readReferSub],
    seeds: headerValues('Refer-To'),
    words: REFERRED_WORDS,
    decode(text) {
      readReferSub(text);
      return decodeReferTo(text);
    },
    encode: encodeReferTo,
  }),
  codec({
    name: 'sipfrag',
    covers: [decodeSipfrag],
    seeds: bodiesOf('message/sipfrag'),
    words: ['SIP/2.0 ', '200 OK', '\r\n', ' 603 '],
    decode: (input) => decodeSipfrag(input),
    encode: encodeSipfrag,
  }),
];
