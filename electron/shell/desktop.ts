import { type BrowserWindow, Notification } from 'electron';
import type { Desktop } from '../app/port.ts';

/** Notifications for one account. @param windowOf its window, null while there is none @param reveal brings it to the front, or up */
export function desktopOf(windowOf: () => BrowserWindow | null, reveal: () => void): Desktop {
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
        reveal();
        onPick();
      });
      notification.once('close', forget);
      notification.show();
    },
    withdraw: close,
  };
}
