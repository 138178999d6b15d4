import { describe, expect, it } from 'vitest';
import { addressTitle, canonicalAddress, domainOf, numberRoute } from '../../../shared/model/address.ts';

describe('canonical address', () => {
  it.each([
    'sip:bob@home2.example',
    'sips:bob@home2.example',
    'SIP:bob@HOME2.Example',
    'sip:bob@home2.example.',
    'sip:bob@home2.example:5060',
    'sips:bob@home2.example:5061;transport=tcp',
    'bob@home2.example',
    ' bob@Home2.example ',
    '<sip:bob@home2.example>',
    'Bob <sip:bob@home2.example>;tag=1',
    '"Bob <sip:eve@evil.example>" <sip:bob@home2.example;gr=urn:uuid:1>',
    '"B\\"ob" <sips:bob@home2.example>',
    'sip:bob:secret@home2.example',
    'sip:bob@home2.example;gr=urn:uuid:3c5a1f0e-9b1d-4d6f-8a55-2f6f0a7b9d11',
    'sip:bob@home2.example?Subject=a@b',
    'sip:%62o%62@home2.example',
  ])('%s is Bob', (text) => {
    expect(canonicalAddress(text)).toBe('sip:bob@home2.example');
  });

  it.each([
    'tel:+44-20-1234.567(8)',
    'tel:+442012345678;verstat=TN-Validation-Passed',
    'sip:+442012345678@home2.example',
    'sips:+4420%312345678@ims.example:5061;gr=urn:uuid:1',
    'tel:020-12345678;phone-context=+44',
    'tel:02012345678;phone-context=+4-4',
    'TEL:+44 20 12345678',
    '+44 20 1234 5678',
    'sip:+442012345678@ims.example;user=phone',
    'sip:+44-20-1234-5678;x=y@ims.example;user=PHONE',
    '<tel:+442012345678>',
  ])('%s is a number', (text) => {
    expect(canonicalAddress(text)).toBe('tel:+442012345678');
  });

  it.each([
    ['sip:Bob@home2.example', 'sip:Bob@home2.example'],
    ['sip:bob@home2.example:5070', 'sip:bob@home2.example:5070'],
    ['sips:bob@home2.example:5060', 'sip:bob@home2.example'],
    ['sip:bob@192.0.2.1', 'sip:bob@192.0.2.1'],
    ['sip:bob@[2001:DB8::1]:5060', 'sip:bob@[2001:db8::1]'],
    ['sip:group.example', 'sip:group.example'],
    ['sip:b%c3%a4r@home2.example', 'sip:b%C3%A4r@home2.example'],
    ['sip:+442012@home2.example', 'sip:+442012@home2.example'],
    ['sip:%2B442012345678@home2.example', 'sip:%2B442012345678@home2.example'],
    ['sip:b#r@home2.example', 'sip:b%23r@home2.example'],
    ['sip:bob@[2001:db8:0:0:0:0:0:1]', 'sip:bob@[2001:db8::1]'],
    ['tel:+44-20-12345678;ext=1-2;cpc=ordinary', 'tel:+442012345678;ext=12'],
    ['tel:+442012345678;ISUB=7', 'tel:+442012345678;isub=7'],
    ['sip:+442012345678;ext=1@home2.example;user=phone', 'tel:+442012345678;ext=1'],
    ['sip:7042;phone-context=+44@home2.example;user=phone', 'tel:7042;phone-context=+44'],
    ['tel:020-12345678;phone-context=+442', 'tel:02012345678;phone-context=+442'],
    ['sip:02012345678@home2.example;user=phone', 'sip:02012345678@home2.example'],
    ['tel:7042;phone-context=Example.com', 'tel:7042;phone-context=example.com'],
    ['bob@localhost', 'sip:bob@localhost'],
  ])('%s becomes %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
    expect(canonicalAddress(canonical)).toBe(canonical);
  });

  it.each([
    '',
    'bob',
    '@home2.example',
    'bob@',
    'bob@home 2.example',
    'bo b@home2.example',
    'sip:',
    'sip:bob@ho_me..example',
    'sip:bob@home2.example:port',
    'sip:bob@[::1',
    'mailto:bob@home2.example',
    'http://bob@home2.example',
    'tel:7042',
    'tel:abc;phone-context=',
    '<sip:bob@home2.example',
    'sip:bob@home2.example\r\nX: y',
    'sip:böb@home2.example',
    '+44',
    `sip:${'b'.repeat(2000)}@home2.example`,
  ])('%j is no address', (text) => {
    expect(canonicalAddress(text)).toBeNull();
  });
});

describe('a number of one country', () => {
  it.each([
    ['49', '030 1234567', '+49301234567'],
    ['49', '030/12 34-567', '+49301234567'],
    ['49', '0049 30 1234567', '+49301234567'],
    ['49', '+43 1 1234567', '+4311234567'],
    ['1', '(212) 555-0123', '+12125550123'],
    ['1', '1 212 555 0123', '+12125550123'],
    ['1', '011 49 30 1234567', '+49301234567'],
    ['7', '8 495 123-45-67', '+74951234567'],
    ['36', '06 1 2345678', '+3612345678'],
    ['39', '06 12345678', '+390612345678'],
    ['34', '912 345 678', '+34912345678'],
  ])('in %s %s is %s', (countryCode, text, number) => {
    expect(canonicalAddress(text, countryCode)).toBe(`tel:${number}`);
    expect(canonicalAddress(`tel:${text.replace(/[ /]/g, '')}`, countryCode)).toBe(`tel:${number}`);
    expect(canonicalAddress(`sip:${text.replace(/[ /]/g, '')}@home.example;user=phone`, countryCode)).toBe(`tel:${number}`);
    expect(canonicalAddress(`tel:${number}`, countryCode)).toBe(`tel:${number}`);
  });

  it.each([
    // an emergency call, a service, a number without its area, one that is too long, a prefix twice
    ['49', '110'],
    ['49', '1234567'],
    ['49', '0800 1'],
    ['49', '0301234567890123'],
    ['49', '000301234567'],
    ['1', '555 0123'],
    ['34', '112'],
  ])('in %s %s is not certain', (countryCode, text) => {
    expect(canonicalAddress(text, countryCode)).toBeNull();
  });

  it.each([
    ['sip:+4930123@x.example;user=phone;gr=abc?a=b', 'sip:+4930123@x.example;user=phone'],
    ['sip:+49301234567@X.example:5060', 'sip:+49301234567@x.example'],
    ['sip:bob@x.example;user=phone', null],
    ['tel:+49301234567', null],
    ['nonsense', null],
  ])('a request to %s goes to %s', (text, route) => {
    expect(numberRoute(text)).toBe(route);
  });
});

describe('title and domain', () => {
  it.each([
    ['sip:bob@home2.example', 'Bob', 'Bob'],
    ['sip:bob@home2.example', '  ', 'bob'],
    ['sip:bob@home2.example', undefined, 'bob'],
    ['sip:b%C3%A4r@home2.example', undefined, 'bär'],
    ['sip:b%FF@home2.example', undefined, 'b%FF'],
    ['tel:+442012345678', undefined, '+442012345678'],
    ['tel:7042;phone-context=example.com', undefined, '7042'],
    ['sip:group.example', undefined, 'group.example'],
    ['sip:bob@home2.example', 'Bob\u202Egnp\r\n\u0000 x', 'Bob gnp x'],
    ['sip:bob@home2.example', 'x'.repeat(500), 'x'.repeat(100)],
    ['nonsense', undefined, 'nonsense'],
  ])('%s with %j is called %j', (address, displayName, title) => {
    expect(addressTitle(address, displayName)).toBe(title);
  });

  it.each([
    ['sip:bob@Home2.example:5070', 'home2.example'],
    ['sip:group.example', 'group.example'],
    ['sip:bob@[2001:db8::1]:5070', '[2001:db8::1]'],
    ['tel:+442012345678', null],
    ['nonsense', null],
  ])('the domain of %s is %s', (address, domain) => {
    expect(domainOf(address)).toBe(domain);
  });
});
