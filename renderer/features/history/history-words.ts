/** The words of the section "Message archive". */
export const historyWords = {
  title: 'Message archive',
  hint: 'Conversations that the network keeps. Texts can be brought onto this device; files stay there.',
  loading: 'Asking the network…',
  again: 'Try again',
  nothing: 'The archive is empty',
  items: (count: number): string => (count === 1 ? '1 item' : `${count} items`),
  show: 'Show',
  hide: 'Hide',
  showOne: (name: string): string => `Show what the archive has of ${name}`,
  hideOne: (name: string): string => `Hide what the archive has of ${name}`,
  itemsOf: (name: string): string => `Stored with ${name}`,
  more: 'Older items are not listed',
  by: { in: (name: string): string => name, out: (): string => 'You' },
  file: 'File',
  chat: 'Chat',
  missed: 'Missed invitation',
  other: 'Message of another kind',
  chatOf: (day: string): string => `Chat of ${day}`,
  forward: 'Forward…',
  forwardOne: (what: string): string => `Forward ${what}`,
  fetch: 'Bring here',
  fetchOne: (name: string): string => `Bring here the texts with ${name}`,
  fetching: 'Bringing…',
  remove: 'Delete…',
  removeOne: (name: string): string => `Delete what the archive has of ${name}`,
  removing: 'Deleting…',
  ask: (name: string): string => `Delete all that the archive has of ${name}? What is on your devices stays.`,
  confirm: 'Delete',
  keep: 'Keep',
  fetched: (texts: number, known: number, left: number): string => {
    const news = texts === 0 ? 'No new texts' : texts === 1 ? '1 text is here now' : `${texts} texts are here now`;
    const old = known === 0 ? '' : `, ${known} ${known === 1 ? 'was' : 'were'} here already`;
    return `${news}${old}${left === 0 ? '' : `. ${left} other ${left === 1 ? 'item stays' : 'items stay'} in the archive`}.`;
  },
};
