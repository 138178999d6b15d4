import { CPIM_TYPE, contentHeader, cpimContent, decodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { imdnRequest } from '../../shared/protocol/cpim/cpim-message.ts';
import { instanceOf } from '../../shared/protocol/cpm/names.ts';
import { decodeImdn, IMDN_TYPE, type Imdn } from '../../shared/protocol/imdn/imdn.ts';
import { mediaType } from '../../shared/protocol/mime/content-type.ts';
import { header, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';

/** messages, and notifications, of whom it is remembered: some megabytes */
const REMEMBERED = 50_000;

/** what says that a message reached somebody, of several that speak of one type */
const POSITIVE: ReadonlySet<Imdn['status']> = new Set(['delivered', 'displayed', 'processed', 'stored']);

interface Passing {
  readonly status: Imdn['status'];
  /** null while nobody has answered */
  answer: SipResponse['status'] | null;
  readonly waiting: ((status: number) => void)[];
}

/**
 * However many devices somebody has, the author of a message hears of its delivery once and of its display once, and on the device it was
 * sent from (cpm.md section 16.4; R-PF-40, R-PF-43). What the first device says counts; only what says that it arrived comes after what says
 * that it did not.
 */
export class NotificationFilter {
  readonly #origins = new Remembered<string>(REMEMBERED);
  readonly #passed = new Remembered<Passing>(REMEMBERED);

  /** A message goes out: its notifications are for this device of its author. */
  sent(author: string, request: SipRequest): void {
    const cpim = cpimOf(request);
    const { messageId, dispositions } = cpim === null ? NOTHING : imdnRequest(cpim);
    const instance = instanceOf(request.headers);
    if (messageId !== null && dispositions.size > 0 && instance !== null) this.#origins.set(`${author} ${messageId}`, instance);
  }

  /** A message that was sent before this network was started, perhaps: its notifications are for this device of its author. */
  expect(author: string, messageId: string, instance: string): void {
    this.#origins.set(`${author} ${messageId}`, instance);
  }

  /** The author has heard that it was delivered to `from`, before this network was started perhaps. */
  reported(from: string, author: string, messageId: string): void {
    const key = `${from} ${author} ${messageId} delivery`;
    if (this.#passed.get(key) === undefined) this.#passed.set(key, { status: 'delivered', answer: 200, waiting: [] });
  }

  /** Which device of `author` is to hear of a notification, where the message was sent from here; null: any. */
  originOf(author: string, imdn: Imdn): string | null {
    return this.#origins.get(`${author} ${imdn.messageId}`) ?? null;
  }

  /**
   * @param respond answers the sender of one that does not go on, now or as soon as the first one of its kind is answered
   * @returns what to call with the final answer of one that goes on, or null
   */
  admit(from: string, author: string, imdn: Imdn, respond: (status: number) => void): ((status: number) => void) | null {
    const key = `${from} ${author} ${imdn.messageId} ${imdn.disposition ?? ''}`;
    const before = this.#passed.get(key);
    const says = before !== undefined && (POSITIVE.has(before.status) || !POSITIVE.has(imdn.status));
    if (before !== undefined && says) {
      if (before.answer === null) before.waiting.push(respond);
      else respond(before.answer);
      return null;
    }
    const passing: Passing = { status: imdn.status, answer: null, waiting: [] };
    this.#passed.set(key, passing);
    return (status) => {
      passing.answer = status;
      // nobody has it: the next one may try
      if (status >= 300 && this.#passed.get(key) === passing) this.#passed.delete(key);
      for (const other of passing.waiting.splice(0)) other(status);
    };
  }
}

/** The notification in a MESSAGE, null when it is something else or cannot be read: then it is its recipient's affair. */
export function notificationIn(request: SipRequest): Imdn | null {
  const cpim = cpimOf(request);
  try {
    if (cpim === null || mediaType(contentHeader(cpim, 'Content-Type') ?? '') !== IMDN_TYPE) return null;
    return decodeImdn(cpimContent(cpim));
  } catch {
    return null;
  }
}

const NOTHING = { messageId: null, dispositions: new Set<string>() };

function cpimOf(request: SipRequest) {
  if (request.method !== 'MESSAGE') return null;
  try {
    return mediaType(header(request, 'Content-Type') ?? '') === CPIM_TYPE ? decodeCpim(request.body) : null;
  } catch {
    return null;
  }
}

/** The newest so many. */
class Remembered<T> {
  readonly #entries = new Map<string, T>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#most) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
