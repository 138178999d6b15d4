export interface SubscriptionState {
  /** `active`, `pending`, `terminated`, in lower case */
  readonly state: string;
  /** `deactivated`, `noresource` …; null where none is given */
  readonly reason: string | null;
  /** seconds that it lasts */
  readonly expires: number | null;
  readonly retryAfterMs: number | null;
}

/** Subscription-State of a NOTIFY (RFC 6665 section 8.2.3). */
export function subscriptionState(value: string): SubscriptionState {
  const [state = '', ...parameters] = value.split(';').map((part) => part.trim());
  const of = (name: string): string | null => {
    const found = parameters.find((each) => each.toLowerCase().startsWith(`${name}=`));
    return found?.slice(name.length + 1).trim() ?? null;
  };
  const seconds = (name: string): number | null => {
    const digits = /^\d{1,9}$/.exec(of(name) ?? '')?.[0];
    return digits === undefined ? null : Number(digits);
  };
  const retryAfter = seconds('retry-after');
  return {
    state: state.toLowerCase(),
    reason: of('reason')?.toLowerCase() ?? null,
    expires: seconds('expires'),
    retryAfterMs: retryAfter === null ? null : retryAfter * 1000,
  };
}
