/** What a key press asks of the app as a whole. */
export type Command =
  | 'create'
  | 'create-group'
  | 'find'
  | 'find-within'
  | 'previous'
  | 'next'
  | 'sheet'
  | 'pane'
  | 'pane-back'
  | 'leave'
  | 'latest'
  | 'settings';

type Press = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey' | 'isComposing'>;

const WITH_SHIFT: Readonly<Record<string, Command>> = { f: 'find-within', n: 'create-group' };

/** @param apple the command key takes the place of Control */
export function commandOf(press: Press, apple: boolean): Command | null {
  // An input method's own: its Escape drops what is being composed.
  if (press.isComposing) return null;
  const main = apple ? press.metaKey : press.ctrlKey;
  const other = apple ? press.ctrlKey : press.metaKey;
  if (press.key === 'F6' && !main && !other && !press.altKey) return press.shiftKey ? 'pane-back' : 'pane';
  if (press.key === 'Escape' && !main && !other && !press.altKey && !press.shiftKey) return 'leave';
  if (press.altKey && !main && !other && !press.shiftKey) {
    if (press.key === 'ArrowUp') return 'previous';
    if (press.key === 'ArrowDown') return 'next';
    return null;
  }
  if (!main || other || press.altKey) return null;
  // on many layouts a slash needs Shift
  if (press.key === '/' || press.code === 'Slash') return 'sheet';
  if (press.shiftKey) return WITH_SHIFT[press.key.toLowerCase()] ?? null;
  switch (press.key.toLowerCase()) {
    case 'n':
      return 'create';
    case 'k':
      return 'find';
    case ',':
      return 'settings';
    case 'end':
      return 'latest';
    default:
      return null;
  }
}

/** Which account, from 0, a key press asks for; by the place of the key, as Shift makes other signs of digits. */
export function accountOf({ code, ctrlKey, metaKey, altKey, shiftKey, isComposing }: Press, apple: boolean): number | null {
  const [main, other] = apple ? [metaKey, ctrlKey] : [ctrlKey, metaKey];
  const [, digit] = /^Digit([1-9])$/.exec(code) ?? [];
  return digit === undefined || isComposing || !main || other || altKey || !shiftKey ? null : Number(digit) - 1;
}

/** The cheat sheet's rows: what for (a key of `words.keys`), and the keys as they are printed on this keyboard. */
export function shortcutRows(apple: boolean): readonly { readonly what: ShortcutName; readonly keys: readonly string[] }[] {
  const main = apple ? '⌘' : 'Ctrl';
  const alt = apple ? '⌥' : 'Alt';
  return [
    { what: 'newConversation', keys: [main, 'N'] },
    { what: 'newGroup', keys: [main, 'Shift', 'N'] },
    { what: 'find', keys: [main, 'K'] },
    { what: 'findWithin', keys: [main, 'Shift', 'F'] },
    { what: 'settings', keys: [main, ','] },
    { what: 'switchAccount', keys: [main, 'Shift', '1…9'] },
    { what: 'previous', keys: [alt, '↑'] },
    { what: 'next', keys: [alt, '↓'] },
    { what: 'panes', keys: ['F6'] },
    { what: 'latest', keys: [main, 'End'] },
    { what: 'messages', keys: ['↑', '↓'] },
    { what: 'emoji', keys: [main, 'E'] },
    { what: 'reply', keys: [main, '↑'] },
    { what: 'menu', keys: ['Shift', 'F10'] },
    { what: 'undo', keys: [main, 'Z'] },
    { what: 'send', keys: ['Enter'] },
    { what: 'newLine', keys: ['Shift', 'Enter'] },
    { what: 'leave', keys: ['Esc'] },
    { what: 'sheet', keys: [main, '/'] },
  ];
}

export type ShortcutName =
  | 'newConversation'
  | 'newGroup'
  | 'settings'
  | 'switchAccount'
  | 'find'
  | 'findWithin'
  | 'previous'
  | 'next'
  | 'panes'
  | 'latest'
  | 'send'
  | 'newLine'
  | 'leave'
  | 'sheet'
  | 'messages'
  | 'menu'
  | 'emoji'
  | 'reply'
  | 'undo';
