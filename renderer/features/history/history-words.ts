/** The words of the section "Message archive". */
export const historyWords = {
  title: 'Message archive',
  hint: 'Conversations that the network keeps. Texts can be brought onto this device; files stay there.',
  loading: 'Asking the network…',
  again: 'Try again',
  nothing: 'The archive is empty',
  items: (count: number): string => (count === 1 ? '1 item' : `${count} items`),
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
