import { readFile } from 'node:fs/promises';
import { protocol, type Session } from 'electron';
import { pageFile, pageHeaders, plainHeaders, previewHeaders } from '../app/page.ts';
import type { HostedAccount } from '../app/port.ts';
import { MAX_PREVIEW } from '../app/preview.ts';
import { PAGE_HOST, PREVIEW_HOST, SCHEME } from './page-address.ts';

/** Before the app is ready. */
export function registerPageScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } }]);
}

/**
 * Serves the page and the previews to one account's session: each account has its own, so a page can only ask for its own pictures.
 * @param root absolute folder of the built renderer
 * @param served whose session it is; it may leave, and come back
 */
export function servePage(session: Session, root: string, served: () => HostedAccount | undefined): void {
  const headers = pageHeaders({ images: [`${SCHEME}://${PREVIEW_HOST}`], connect: [] });
  session.protocol.handle(SCHEME, async (request) => {
    const { host, pathname } = new URL(request.url);
    if (request.method !== 'GET') return nothing(405);
    if (host === PREVIEW_HOST) return preview(served(), pathname);
    const file = host === PAGE_HOST ? await pageFile(root, pathname) : null;
    if (file === null) return nothing(404);
    return new Response(file.body, { headers: { 'Content-Type': file.type, 'Cache-Control': 'no-cache', ...headers } });
  });
}

async function preview(account: HostedAccount | undefined, pathname: string): Promise<Response> {
  const [, id] = /^\/([1-9]\d{0,15})$/.exec(pathname) ?? [];
  const found = id === undefined ? null : await account?.preview(Number(id)).catch(() => null);
  const body = found == null ? null : await readFile(found.path).catch(() => null);
  if (found == null || body === null || body.length > MAX_PREVIEW) return nothing(404);
  // The page's host is another one than the picture's, though both are this window's own.
  return new Response(body, { headers: { ...previewHeaders, 'Cross-Origin-Resource-Policy': 'cross-origin', 'Content-Type': found.type } });
}

function nothing(status: number): Response {
  return new Response(null, { status, headers: plainHeaders });
}
