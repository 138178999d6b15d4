import { type AddressProblem, addressProblem, normalAddress, plainAddress } from '../conversations/address.ts';

import { meantPerson, type Recipient } from './known-people.ts';

/** Why a recipient was not taken. */
export type RecipientProblem = AddressProblem | 'twice' | 'member' | 'tooMany';

export interface RecipientsPorts {
  /** own address, which is no recipient */
  readonly own: () => string;
  readonly most: () => number;
  /** whoever is known already */
  readonly people: () => readonly Recipient[];
  /** addresses that need not be added: those of a group that grows */
  readonly members?: () => readonly string[];
}

/** Whom a new conversation or group is with, or whom one grows by: those who are named already, and the address that is being written. */
export class Recipients {
  chosen = $state.raw<readonly Recipient[]>([]);
  text = $state('');
  problem = $state<RecipientProblem | null>(null);

  readonly #ports: RecipientsPorts;

  /** @param chosen named before */
  constructor(ports: RecipientsPorts, chosen: readonly Recipient[] = []) {
    this.#ports = ports;
    this.chosen = chosen;
  }

  /** addresses that are there, chosen or not */
  get taken(): readonly string[] {
    return [...this.chosen.map(({ address }) => address), ...(this.#ports.members?.() ?? [])];
  }

  /** Takes what is written, several addresses too; what is wrong stays to be mended. @returns whether all of it was taken */
  commit(): boolean {
    const [first = '', ...others] = this.text.split(/[,;\n]+/).filter((part) => part.trim() !== '');
    this.problem = first === '' && this.chosen.length === 0 ? 'missing' : null;
    if (first === '') {
      this.text = '';
      return this.problem === null;
    }
    const address = addressProblem(first, this.#ports.own()) === 'invalid' ? meantPerson(this.#ports.people(), first)?.address : undefined;
    this.problem = this.#problemOf(address ?? first);
    if (this.problem !== null) {
      this.text = [first, ...others].map((part) => part.trim()).join(', ');
      return false;
    }
    this.add(address ?? normalAddress(first));
    this.text = others.join(',');
    return others.length === 0 || this.commit();
  }

  /** @returns whether it is among them now */
  add(address: string): boolean {
    this.problem = this.#problemOf(address);
    if (this.problem !== null) return false;
    const name = this.#ports.people().find((each) => each.address === address)?.name ?? plainAddress(address);
    this.chosen = [...this.chosen, { address, name }];
    return true;
  }

  remove(at: number): void {
    this.problem = null;
    this.chosen = this.chosen.filter((_, index) => index !== at);
  }

  #problemOf(text: string): RecipientProblem | null {
    const problem = addressProblem(text, this.#ports.own());
    if (problem !== null) return problem;
    const address = normalAddress(text).toLowerCase();
    if (this.chosen.some((each) => each.address.toLowerCase() === address)) return 'twice';
    if (this.taken.some((each) => each.toLowerCase() === address)) return 'member';
    return this.chosen.length >= this.#ports.most() ? 'tooMany' : null;
  }
}
