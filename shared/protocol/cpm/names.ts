import { type HeaderField, headerValues, splitHeader, unquoted } from './header-scan.ts';

/** CPM services by the end of their URN, after `urn:urn-7:3gpp-service.ims.icsi.` (cpm.md section 2.1). */
export type CpmService =
  | 'oma.cpm.msg'
  | 'oma.cpm.largemsg'
  | 'oma.cpm.deferred'
  | 'oma.cpm.session'
  | 'oma.cpm.filetransfer'
  | 'oma.cpm.systemmsg'
  | 'oma.cpm.msg.group'
  | 'oma.cpm.session.group';

export const PAGER_MODE: CpmService = 'oma.cpm.msg';
export const LARGE_MESSAGE: CpmService = 'oma.cpm.largemsg';
export const CHAT_SESSION: CpmService = 'oma.cpm.session';
export const FILE_TRANSFER: CpmService = 'oma.cpm.filetransfer';
export const DEFERRED: CpmService = 'oma.cpm.deferred';
/** user part of where a person's waiting messages are handled (seed 004 7.2.6.2), and of whom stored chats are asserted to be from (cpm.md section 11.3) */
export const DEFERRED_HANDLING = 'CPMDeferredMsgHndlg';
export const STORE_AND_FORWARD = 'rcse-standfw';

const SERVICES: readonly string[] = [
  'oma.cpm.msg',
  'oma.cpm.largemsg',
  'oma.cpm.deferred',
  'oma.cpm.session',
  'oma.cpm.filetransfer',
  'oma.cpm.systemmsg',
  'oma.cpm.msg.group',
  'oma.cpm.session.group',
] satisfies CpmService[];

const URN = 'urn:urn-7:3gpp-service.ims.icsi.';
const FEATURE = '+g.3gpp.icsi-ref';
const APPLICATION_URN = 'urn:urn-7:3gpp-application.ims.iari.';
const APPLICATION_FEATURE = '+g.3gpp.iari-ref';

/** A parameter of Contact: this is a conference, not a person (RFC 4579). */
export const IS_FOCUS = 'isfocus';

/** A parameter of Contact: `+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg,urn%3A…"`. */
export function contactFeature(services: readonly string[]): string {
  return `${FEATURE}="${services.map((service) => `${URN}${service}`.replaceAll(':', '%3A')).join(',')}"`;
}

/** Thumbnails of files are understood (cpm.md section 2.1); a name after `urn:urn-7:3gpp-application.ims.iari.` */
export const FILE_THUMBNAIL = 'rcs.ftthumb';
/** Copies of what the same person's other devices send are understood; the name is this project's own. */
export const OWN_COPIES = 'parley.owncopies';
/** header field of such a copy; its value is `sent` (a name of the message objects of cpm.md section 16.7) */
export const MESSAGE_DIRECTION = 'Message-Direction';

/** A parameter of Contact: `+g.3gpp.iari-ref="urn%3Aurn-7%3A3gpp-application.ims.iari.rcs.ftthumb"`. */
export function applicationFeature(applications: readonly string[]): string {
  return `${APPLICATION_FEATURE}="${applications.map((each) => `${APPLICATION_URN}${each}`.replaceAll(':', '%3A')).join(',')}"`;
}

/** Whether the Contact of a request or answer names that application. */
export function namesApplication(headers: readonly HeaderField[], application: string): boolean {
  return headerValues(headers, 'Contact', 'm')
    .flatMap((value) => featureUrns(value, APPLICATION_FEATURE))
    .some((urn) => plainUrn(urn) === `${APPLICATION_URN}${application}`);
}

/** Value of Accept-Contact: only a device that registered the service gets the request (RFC 3841). */
export function acceptContact(service: CpmService): string {
  return `*;${contactFeature([service])};require;explicit`;
}

/** Value of a second Accept-Contact: only that device. @param instance `urn:uuid:…` */
export function acceptContactInstance(instance: string): string {
  return `*;+sip.instance="<${instance}>";require;explicit`;
}

/** Value of P-Preferred-Service (RFC 6050). */
export function preferredService(service: CpmService): string {
  return `${URN}${service}`;
}

/**
 * Which service an incoming request is for: Accept-Contact first, then P-Asserted-Service, then Contact (cpm.md section 2.2).
 * Null: none known, or a Contact that names several.
 */
export function serviceOf(headers: readonly HeaderField[]): CpmService | null {
  const demanded = headerValues(headers, 'Accept-Contact', 'a')
    .flatMap((value) => featureUrns(value, FEATURE))
    .map(serviceOfUrn)
    .find(isService);
  if (demanded !== undefined) return demanded;
  const asserted = headerValues(headers, 'P-Asserted-Service')
    .flatMap((value) => splitHeader(value, ','))
    .map(serviceOfUrn)
    .find(isService);
  if (asserted !== undefined) return asserted;
  const able = servicesOf(headers);
  return able.length === 1 ? (able[0] ?? null) : null;
}

/** The services that the Contact of a request or answer names: what that device can do (cpm.md section 2.1). */
export function servicesOf(headers: readonly HeaderField[]): CpmService[] {
  return [
    ...new Set(
      headerValues(headers, 'Contact', 'm')
        .flatMap((value) => featureUrns(value, FEATURE))
        .map(serviceOfUrn)
        .filter(isService),
    ),
  ];
}

/** Whether whoever sent this is the focus of a conference: its Contact says `isfocus` (RFC 4579), and is the identity of the group. */
export function isFocus(headers: readonly HeaderField[]): boolean {
  return headerValues(headers, 'Contact', 'm')
    .flatMap((value) => splitHeader(value, ';,'))
    .some((piece) => /^isfocus(?:\s*=\s*"?true"?)?$/i.test(piece));
}

/** The URI of the first Contact, as written; null where there is none that could be written again. */
export function contactOf(headers: readonly HeaderField[]): string | null {
  const [value = ''] = headerValues(headers, 'Contact', 'm');
  const uri = (/<([^<>]*)>/.exec(value)?.[1] ?? value.split(/[;,]/)[0] ?? '').trim();
  return /^sips?:[\x21-\x7e]{1,1000}$/i.test(uri) ? uri : null;
}

/** `+sip.instance` of the request's Contact: `urn:uuid:…`. */
export function instanceOf(headers: readonly HeaderField[]): string | null {
  for (const value of headerValues(headers, 'Contact', 'm')) {
    const [instance] = parameterValues(value, '+sip.instance');
    // it goes into a header of ours again, so nothing may stand in it that could end its quotes
    const urn = /^<(urn:[\w:.%+-]{1,128})>$/i.exec(instance ?? '')?.[1];
    if (urn !== undefined) return urn;
  }
  return null;
}

function featureUrns(value: string, feature: string): string[] {
  return parameterValues(value, feature).flatMap((list) => list.split(','));
}

function parameterValues(value: string, name: string): string[] {
  const values: string[] = [];
  for (const piece of splitHeader(value, ';,')) {
    const equals = piece.indexOf('=');
    if (equals > 0 && piece.slice(0, equals).trim().toLowerCase() === name) values.push(unquoted(piece.slice(equals + 1).trim()));
  }
  return values;
}

function serviceOfUrn(urn: string): string {
  const plain = plainUrn(urn);
  return plain.startsWith(URN) ? plain.slice(URN.length) : '';
}

function plainUrn(urn: string): string {
  return urn.trim().replace(/%3a/gi, ':').toLowerCase();
}

function isService(name: string): name is CpmService {
  return SERVICES.includes(name);
}
