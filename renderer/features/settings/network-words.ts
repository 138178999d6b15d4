/** The words of the section "In your network". */
export const networkWords = {
  title: 'In your network',
  loading: 'Asking the network…',
  unread: 'What the network keeps could not be read.',
  refused: 'The network did not take this.',
  again: 'Try again',
  available: 'When someone writes',
  availableHint: 'The network does this for all devices of this account.',
  availables: {
    accept: 'Deliver it',
    defer: 'Keep it for later',
    refuse: 'Refuse it',
  },
  delivery: 'Messages that were kept',
  deliveries: {
    push: 'Come by themselves',
    pull: 'Wait in the network until asked for',
  },
  expired: 'Messages kept for too long',
  expireds: {
    discard: 'Are deleted, and the sender is told',
    store: 'Go to the message archive',
  },
  unaccepted: 'Files that nobody accepts',
  unaccepteds: {
    keep: 'Wait in the network',
    store: 'Go to the message archive',
    discard: 'Are deleted, and the sender is told',
  },
  recording: 'Keep conversations in the message archive',
  recordingHint: 'A new device can read them there.',
  interworking: 'Forward what reaches no device as e-mail',
  interworkingHint: 'To the e-mail address known for this account. The sender is told.',
} as const;
