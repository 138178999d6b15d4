import * as v from 'valibot';
import { SIP_TRANSPORTS } from '../model/account.ts';
import { MAX_AUTHORITIES } from '../model/account-rules.ts';
import { codedError, nothing, octets, registration } from './parts.ts';

/**
 * The accounts of the app, as every page may ask for them, and no more of another account than this: which there are, how they do, and
 * how they are set up. A password goes in and never comes out.
 */

const text = (max: number) => v.pipe(v.string(), v.maxLength(max));
const name = text(64);

/** Where an account comes from; only a `kept` one can be changed and removed here. */
const origin = v.picklist(['kept', 'provisioned', 'demo']);

const row = v.object({
  /** what it is asked for by; stays the same */
  name: v.string(),
  address: v.string(),
  displayName: v.string(),
  origin,
  registration,
  unread: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** why its client does not run at all */
  error: v.nullable(codedError),
  /** counts the starts of its client: a page that shows it reads everything anew when this changes */
  run: v.number(),
});

const list = v.object({
  /** the one of the page that asks, null for a page without an account */
  current: v.nullable(v.string()),
  items: v.array(row),
  /** what protects the passwords of kept accounts on this device: the system's keyring, or no more than the access rights of the file */
  secrets: v.picklist(['keyring', 'file']),
  /** the demo with its home network can be started beside them */
  demo: v.boolean(),
  /** what happened to the file they are kept in */
  problem: v.nullable(codedError),
});

/** Judged by `shared/model/account-rules.ts`; here only how much of it there may be. */
const draft = v.strictObject({
  address: text(256),
  user: text(256),
  /** left out: the one that is kept, while the server is the same */
  password: v.optional(text(1024)),
  outboundProxy: text(512),
  transport: v.picklist(SIP_TRANSPORTS),
  displayName: v.optional(text(128)),
  maxFileSize: octets,
  listServer: v.optional(text(512)),
  msrpRelay: v.optional(text(512)),
  countryCode: v.optional(text(4)),
  /** PEM, trusted in place of the public authorities; left out: those that are kept; null: none */
  caCertificates: v.optional(v.nullable(text(MAX_AUTHORITIES))),
});

const setup = v.object({
  address: v.string(),
  user: v.string(),
  outboundProxy: v.string(),
  transport: v.picklist(SIP_TRANSPORTS),
  displayName: v.string(),
  maxFileSize: octets,
  listServer: v.string(),
  msrpRelay: v.string(),
  countryCode: v.string(),
  /** whom the certificates are for; none: the public authorities */
  authorities: v.array(v.string()),
});

/** Where the page goes on: null where the host shows the account itself, in a window of its own. */
const place = v.object({ url: v.nullable(v.string()) });

export const accountMethods = {
  'accounts.list': { params: nothing, result: list },
  /** `request.invalid-state` for one that is not kept here */
  'accounts.setup': { params: v.strictObject({ name }), result: setup },
  /** keeps it and starts its client; `account.malformed`, `account.exists` */
  'accounts.add': { params: v.strictObject({ draft }), result: v.object({ name: v.string() }) },
  /** the address stays, as everything of an account is kept under it */
  'accounts.update': { params: v.strictObject({ name, draft }), result: nothing },
  /** signs out, then forgets it; what was written with it goes too unless it is to stay for a later account with this address */
  'accounts.remove': { params: v.strictObject({ name, keepHistory: v.boolean() }), result: place },
  /** registers for a moment and signs out again; null: that worked. @param name one whose kept password and certificates are used */
  'accounts.test': { params: v.strictObject({ draft, name: v.optional(name) }), result: v.object({ error: v.nullable(codedError) }) },
  /** what a PEM file holds, before it is given as `caCertificates` */
  'accounts.authorities': { params: v.strictObject({ pem: text(MAX_AUTHORITIES) }), result: v.object({ names: v.array(v.string()) }) },
  'accounts.open': { params: v.strictObject({ name }), result: place },
  /** starts the client of an account once more that could not be started */
  'accounts.restart': { params: v.strictObject({ name }), result: nothing },
  /** starts the demo beside whatever runs, and opens it */
  'accounts.tryDemo': { params: nothing, result: place },
} as const;

export const accountEvents = { 'accounts.changed': list } as const;

export type AccountMethod = keyof typeof accountMethods;
export type AccountRow = v.InferOutput<typeof row>;
export type AccountList = v.InferOutput<typeof list>;
export type AccountDraft = v.InferOutput<typeof draft>;
export type AccountSetup = v.InferOutput<typeof setup>;
