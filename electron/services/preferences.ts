import { ParleyError } from '../../shared/base/errors.ts';
import type { Account } from '../../shared/model/account.ts';
import {
  DEFAULT_NETWORK_PREFERENCES,
  type NetworkPreferences,
  preferenceElements,
  preferencesFrom,
} from '../../shared/model/network-preferences.ts';
import {
  decodePreferences,
  encodePreferences,
  PREFERENCES_AUID,
  PREFERENCES_NAMESPACE,
  PREFERENCES_TYPE,
} from '../../shared/protocol/preferences/preferences.ts';
import { type XcapTarget, xcapElement } from '../../shared/protocol/xcap/selector.ts';
import { escapeXml } from '../../shared/protocol/xml/xml.ts';
import type { XcapClient } from '../xcap/port.ts';

const ELEMENT_TYPE = 'application/xcap-el+xml';

/** What can be chosen one by one: a field is an element. */
export type PreferencesChange = {
  readonly [K in Exclude<keyof NetworkPreferences, 'unwantedWords' | 'unwantedTypes'>]?: NetworkPreferences[K] | undefined;
};

/** What the person wants the network to do. The network has it and nothing here keeps a copy: another device may have changed it. */
export class PreferencesService {
  readonly #documents: XcapClient | null;
  readonly #target: XcapTarget;

  /** @param documents null for an account whose network keeps none */
  constructor({ address }: Pick<Account, 'address'>, documents: XcapClient | null) {
    this.#documents = documents;
    this.#target = { auid: PREFERENCES_AUID, user: address, document: 'index', node: null };
  }

  /** @throws ParleyError `request.invalid-state` where the account has none, `link.*` where the network does not answer, `xml.*` */
  async read(): Promise<NetworkPreferences> {
    const resource = await this.#kept().get(this.#target);
    if (resource === null) return DEFAULT_NETWORK_PREFERENCES;
    const given = preferencesFrom(decodePreferences(resource.body));
    if ('problem' in given) throw new ParleyError('xml.malformed', given.problem);
    return { ...DEFAULT_NETWORK_PREFERENCES, ...given };
  }

  /** Field by field, so that what another device changes meanwhile stays, and so does what only others understand. @throws ParleyError as {@link read} */
  async change(change: PreferencesChange): Promise<NetworkPreferences> {
    const documents = this.#kept();
    if ((await documents.get(this.#target)) === null) {
      // where another device was first, there is a document now, which will do
      await documents.put(this.#target, PREFERENCES_TYPE, encodePreferences(preferenceElements(DEFAULT_NETWORK_PREFERENCES)), 'absent');
    }
    for (const [field, value] of Object.entries(change)) {
      if (value === undefined) continue;
      const target = { ...this.#target, node: xcapElement('preferences', field) };
      const element = `<${field} xmlns="${PREFERENCES_NAMESPACE}">${escapeXml(String(value))}</${field}>`;
      await documents.put(target, ELEMENT_TYPE, element, 'any');
    }
    return this.read();
  }

  #kept(): XcapClient {
    if (this.#documents === null) throw new ParleyError('request.invalid-state', 'the account has no place for preferences');
    return this.#documents;
  }
}
