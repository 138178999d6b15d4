import { app, type BrowserWindow, Notification } from 'electron';
import type { Desktop } from '../app/port.ts';

/** unread messages by account: the badge is the app's, not a window's */
const unread = new Map<string, number>();

/** Notifications and the badge for one account. @param windowOf its window, null while there is none */
export function desktopOf(name: string, windowOf: () => BrowserWindow | null): Desktop {
  const shown = new Map<number, Notification>();
  const close = (conversationId: number): void => {
    shown.get(conversationId)?.close();
    shown.delete(conversationId);
  };
  return {
    isFocused: () => windowOf()?.isFocused() ?? false,
    show({ conversationId, title, body }, onPick) {
      if (!Notification.isSupported()) return;
      close(conversationId);
      const notification = new Notification({ title, body });
      // kept until it is picked or gone: one that is collected takes no click
      shown.set(conversationId, notification);
      const forget = (): void => {
        if (shown.get(conversationId) === notification) shown.delete(conversationId);
      };
      notification.once('click', () => {
        forget();
        const window = windowOf();
        if (window?.isMinimized()) window.restore();
        window?.show();
        window?.focus();
        onPick();
      });
      notification.once('close', forget);
      notification.show();
    },
    withdraw: close,
    count(messages) {
      unread.set(name, messages);
      app.setBadgeCount([...unread.values()].reduce((sum, each) => sum + each, 0));
    },
  };
}
