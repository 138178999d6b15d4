import { expect, test } from 'vitest';
import { matchingPeople, meantPerson } from '../../../renderer/features/recipients/known-people.ts';

const person = (address: string, name: string) => ({ address: `sip:${address}@example.com`, name });
const PEOPLE = [
  person('bob', 'Bob Baker'),
  person('bobby', 'Bobby Brown'),
  person('zoe', 'Zoë Ziegler'),
  person('bob', 'bob'),
  person('anna', 'Anna'),
  person('annabel', 'Annabel'),
];
const names = (text: string) => matchingPeople(PEOPLE, text).map(({ name }) => name);

test('people are found by a part of the name or address, whatever case and accents, each address once', () => {
  expect(names('')).toEqual(['Bob Baker', 'Bobby Brown', 'Zoë Ziegler', 'Anna', 'Annabel']);
  expect(names(' BOB ')).toEqual(['Bob Baker', 'Bobby Brown']);
  expect(names('zoe')).toEqual(['Zoë Ziegler']);
  expect(names('sip')).toEqual([]);
});

test('a text means somebody only where it can mean nobody else', () => {
  expect(meantPerson(PEOPLE, 'baker')?.address).toBe('sip:bob@example.com');
  expect(meantPerson(PEOPLE, 'bob')).toBeUndefined();
  expect(meantPerson(PEOPLE, 'anna')?.address).toBe('sip:anna@example.com');
  expect(meantPerson(PEOPLE, ' ')).toBeUndefined();
  expect(meantPerson(PEOPLE, 'nobody')).toBeUndefined();
});
