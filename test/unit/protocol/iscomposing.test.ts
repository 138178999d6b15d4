import { describe, expect, test } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { decodeComposing, encodeComposing } from '../../../shared/protocol/iscomposing/iscomposing.ts';
import { exampleOctets } from '../../vectors/example.ts';

const F05 = fromUtf8(exampleOctets('F05-08.msrp'))
  .replace(/^.*?\r\n\r\n/s, '')
  .replace(/\r\n-------[^\r]*\r\n$/, '');
const NAMESPACE = 'urn:ietf:params:xml:ns:im-iscomposing';
const doc = (inner: string, namespace = NAMESPACE): Uint8Array => utf8(`<x:isComposing xmlns:x="${namespace}">${inner}</x:isComposing>`);

describe('isComposing', () => {
  test('is written octet by octet as in F05-08, and read from there', () => {
    expect(fromUtf8(encodeComposing('active', 60))).toBe(F05);
    expect(decodeComposing(utf8(F05))).toEqual({ state: 'active', contentType: 'text/plain', refresh: 60 });
  });

  test('the end of writing has no time to run out', () => {
    expect(fromUtf8(encodeComposing('idle', 60))).not.toContain('refresh');
    expect(decodeComposing(encodeComposing('idle', 60)).state).toBe('idle');
  });

  test('prefixes are free, elements that are not known are passed over, and so is their order', () => {
    const more = '<x:refresh>90</x:refresh><y:a xmlns:y="urn:y"><x:state>idle</x:state></y:a><x:state> active </x:state>';
    expect(decodeComposing(doc(more))).toEqual({ state: 'active', contentType: null, refresh: 90 });
  });

  test('RFC 3994: a state that is not known is idle, active holds two minutes where nothing is said', () => {
    expect(decodeComposing(doc('<x:state>paused</x:state>')).state).toBe('idle');
    expect(decodeComposing(doc('<x:state>active</x:state>')).refresh).toBe(120);
  });

  test.each([
    ['0', 1],
    ['-5', 120],
    ['1e9', 120],
    ['999999999999', 600],
    ['', 120],
    ['60.5', 120],
  ])('a refresh of %j counts as %i seconds', (text, seconds) => {
    expect(decodeComposing(doc(`<x:state>active</x:state><x:refresh>${text}</x:refresh>`)).refresh).toBe(seconds);
  });

  test.each([
    ['nothing', utf8('')],
    ['no XML', utf8('active')],
    ['another root', utf8('<imdn/>')],
    ['another namespace', doc('<x:state>active</x:state>', 'urn:other')],
    ['no state', doc('<x:refresh>60</x:refresh>')],
    ['a DOCTYPE', utf8(`<!DOCTYPE a [<!ENTITY b "c">]>${fromUtf8(doc('<x:state>&b;</x:state>'))}`)],
    ['too much', doc(`<x:state>active</x:state>${' '.repeat(5000)}`)],
    ['too deep', doc(`<x:state>active</x:state>${'<a>'.repeat(20)}${'</a>'.repeat(20)}`)],
    ['too many', doc(`<x:state>active</x:state>${'<a/>'.repeat(100)}`)],
  ])('%s is refused with a code', (_, document) => {
    expect(() => decodeComposing(document)).toThrow(/^xml\.(malformed|too-large)/);
  });
});
