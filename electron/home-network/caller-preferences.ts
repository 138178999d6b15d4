import { headers, type SipRequest } from '../../shared/protocol/sip/message.ts';
import { decodeParams, hasParam, type Params } from '../../shared/protocol/sip/params.ts';
import { malformed, unquote } from '../../shared/protocol/sip/text.ts';
import type { Binding } from './bindings.ts';

/** One Accept-Contact: what a device should have, feature name to wanted values. */
interface Preference {
  readonly features: ReadonlyMap<string, readonly string[]>;
  readonly require: boolean;
  readonly explicit: boolean;
}

const PREFERENCES = 16;

/**
 * The subset of RFC 3841 section 7.2 that CPM uses: `require` drops a device that does not match; `explicit` makes an absent feature a mismatch;
 * without `require` a preference only orders. A device without any feature tag is immune unless a preference is explicit and required
 * (a device that never said it takes CPM files must not get one).
 * @returns the devices that may get the request, the best match first
 * @throws ParleyError `sip.malformed`
 */
export function matchingBindings(request: Pick<SipRequest, 'headers'>, bindings: readonly Binding[]): Binding[] {
  const preferences = headers(request, 'Accept-Contact').slice(0, PREFERENCES).map(decodePreference);
  if (preferences.length === 0) return [...bindings];
  const scored: { readonly binding: Binding; readonly score: number }[] = [];
  for (const binding of bindings) {
    const features = featuresOf(binding.contact.parameters);
    let score = 0;
    let isDropped = false;
    for (const preference of preferences) {
      const isImmune = features.size === 0 && !(preference.require && preference.explicit);
      const matches = isImmune || matchesPreference(preference, features);
      if (matches) score += 1;
      else if (preference.require) isDropped = true;
    }
    if (!isDropped) scored.push({ binding, score });
  }
  return scored.sort((a, b) => b.score - a.score).map(({ binding }) => binding);
}

/** The same device may hold several bindings (a flow that broke and its follower): it gets one copy, on the newest. */
export function newestOfEachInstance(bindings: readonly Binding[]): Binding[] {
  const seen = new Set<string>();
  return bindings.filter(({ instance }) => {
    if (instance === null) return true;
    if (seen.has(instance)) return false;
    seen.add(instance);
    return true;
  });
}

function decodePreference(value: string): Preference {
  if (!value.startsWith('*')) throw malformed('Accept-Contact does not start with *');
  const parameters = decodeParams(value, 1);
  return {
    features: featuresOf(parameters),
    require: hasParam(parameters, 'require'),
    explicit: hasParam(parameters, 'explicit'),
  };
}

function matchesPreference(preference: Preference, features: ReadonlyMap<string, readonly string[]>): boolean {
  for (const [name, wanted] of preference.features) {
    const offered = features.get(name);
    if (offered === undefined) {
      if (preference.explicit) return false;
    } else if (wanted.length > 0 && !wanted.some((value) => offered.includes(value))) {
      return false;
    }
  }
  return true;
}

/** of the base set of RFC 3840 section 9, the ones a device may say without `+` */
const BASE = new Set([
  'audio',
  'automata',
  'class',
  'duplex',
  'data',
  'control',
  'mobility',
  'description',
  'events',
  'priority',
  'methods',
  'schemes',
  'application',
  'video',
  'language',
  'type',
  'isfocus',
  'actor',
  'text',
  'extensions',
]);

function featuresOf(parameters: Params): Map<string, readonly string[]> {
  const features = new Map<string, readonly string[]>();
  for (const { name, value } of parameters) {
    const key = name.toLowerCase();
    if (key.startsWith('+') || BASE.has(key)) features.set(key, valuesOf(key, value));
  }
  return features;
}

/** `"<urn:uuid:…>"` is one string; `"urn%3Aa,urn%3Ab"` a list whose letter case and escapes do not matter. */
function valuesOf(name: string, value: string | null): readonly string[] {
  if (value === null) return [];
  const text = unquote(value);
  if (text.startsWith('<') || name === '+sip.instance') return [text.toLowerCase()];
  return text
    .split(',')
    .map((item) => item.trim().toLowerCase().replace(/%3a/g, ':'))
    .filter((item) => item !== '');
}
