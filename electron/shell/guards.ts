import type { Session, WebContents } from 'electron';
import { isPageUrl, PAGE_URL } from './page-address.ts';

/** What a page may ask the system for; copying a text is all. */
const ALLOWED: ReadonlySet<string> = new Set(['clipboard-sanitized-write']);

export function guardSession(session: Session): void {
  session.setPermissionRequestHandler((contents, permission, answer) => answer(ALLOWED.has(permission) && isPageUrl(contents.getURL())));
  session.setPermissionCheckHandler((_contents, permission, origin) => ALLOWED.has(permission) && isPageUrl(origin));
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event) => event.preventDefault());
}

/** The page stays where it is: no navigation (a file dropped beside its place is one), no window, no web view. */
export function guardContents(contents: WebContents): void {
  contents.on('will-navigate', (event) => {
    if (event.url !== PAGE_URL) event.preventDefault();
  });
  contents.on('will-frame-navigate', (event) => {
    if (!event.isMainFrame) event.preventDefault();
  });
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}
