import type { DeferredKind, DeferredOrder } from '../../../shared/model/deferred.ts';

const messages = (count: number): string => (count === 1 ? '1 message' : `${count} messages`);

/** What waits in the network, in words. */
export const waitingWords = {
  title: 'Waiting in your network',
  /** in the place of a person's name */
  network: 'The network',
  back: 'Back to conversations',
  count: (count: number, size: string | null) => (size === null ? messages(count) : `${messages(count)} · ${size}`),
  entry: (count: number | null) => (count === null ? 'Something waits' : `${messages(count)} waiting`),
  empty: 'Nothing waits in your network.',
  emptyHint: 'What is sent to you while no device of yours is connected can be listed here, to be fetched or deleted one by one.',
  unknown: 'The network has not answered yet.',
  offline: 'Not connected. This is the list as it was last known; what is chosen happens once the connection is back.',
  counted: (count: number | null) => (count === null ? 'Something waits in your network.' : `${messages(count)} wait in your network.`),
  countedHint: 'This network does not list them one by one.',
  about: (hint: string) => `The first one is about “${hint}”.`,
  unsupported: 'This network does not tell what it keeps. Anything that waits can be fetched together.',
  fetchAll: 'Get all',
  fetching: (done: number, of: number | null) => (of === null ? `${messages(done)} fetched` : `${done} of ${of} fetched`),
  ordered: (count: number) => (count === 1 ? '1 is about to be dealt with' : `${count} are about to be dealt with`),
  stop: 'Stop',
  failed: 'The list could not be read.',
  trouble: (line: string) => `${line}. It is tried again.`,
  selectAll: 'Select all',
  selected: (count: number) => (count === 1 ? '1 selected' : `${count} selected`),
  toolbar: 'What to do with the selected ones',
  more: 'More',
  moreOf: (who: string) => `More for the message of ${who}`,
  row: (kind: string, who: string, time: string) => `${kind} of ${who}, ${time}`,
  unnamed: 'Unknown sender',
  until: (day: string) => `until ${day}`,
  kinds: { pager: 'Message', large: 'Long message', chat: 'Chat', file: 'File' } satisfies Record<DeferredKind, string>,
  orders: {
    deliver: 'Get',
    delete: 'Delete',
    interwork: 'Forward as e-mail or SMS',
    store: 'Keep in message store',
  } satisfies Record<DeferredOrder, string>,
  under: {
    deliver: 'Being fetched',
    delete: 'Being deleted',
    interwork: 'Being forwarded',
    store: 'Being put into the message store',
  } satisfies Record<DeferredOrder, string>,
  chosen: {
    deliver: 'To be fetched',
    delete: 'To be deleted',
    interwork: 'To be forwarded',
    store: 'To be put into the message store',
  } satisfies Record<DeferredOrder, string>,
  gone: 'No longer there, perhaps fetched elsewhere.',
  expired: 'Its time in the network was over.',
  dismiss: 'Take out of the list',
  deleted: (count: number) => `${messages(count)} will be deleted`,
  undo: 'Undo',
} as const;
