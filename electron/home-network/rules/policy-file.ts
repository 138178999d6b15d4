import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { networkPreferencesSchema } from '../../../shared/model/network-preferences.ts';
import { type ProviderPolicy, SERVICES } from './rules.ts';

const words = v.pipe(v.array(v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(128))), v.maxLength(1_000));
const amount = v.pipe(v.number(), v.integer(), v.minValue(0), v.safeInteger());

const policyFile = v.partial(
  v.strictObject({
    force: v.partial(networkPreferencesSchema),
    deferring: v.boolean(),
    maxExpiry: amount,
    quotaItems: amount,
    quotaOctets: amount,
    unsubscribed: words,
    blockedServices: v.array(v.picklist(SERVICES)),
    forbiddenWords: words,
    forbiddenTypes: networkPreferencesSchema.entries.unwantedTypes,
    interworkOriginating: v.boolean(),
  }),
);

/**
 * The provider policy as an operator writes it down: one JSON object with what differs from the defaults.
 * @throws Error with one line that says what to correct
 */
export function readPolicyFile(path: string): Partial<ProviderPolicy> {
  let given: unknown;
  try {
    given = JSON.parse(readFileSync(path, 'utf8'));
  } catch (thrown) {
    throw new Error(`--policy: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  const parsed = v.safeParse(policyFile, given);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const field = v.getDotPath(issue);
    throw new Error(
      `--policy: ${field ?? 'the file'} ${issue.expected === 'never' ? 'is not known' : `has a value that is none (${issue.message})`}`,
    );
  }
  return definite(parsed.output) as Partial<ProviderPolicy>;
}

function definite(given: object): object {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
