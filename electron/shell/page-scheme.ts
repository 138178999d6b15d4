import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { protocol, type Session } from 'electron';
import { byteRange, rangeHeaders } from '../app/byte-range.ts';
import { pageFile, pageHeaders, plainHeaders, previewHeaders } from '../app/page.ts';
import type { HostedAccount } from '../app/port.ts';
import { MAX_PREVIEW, pictureAsked } from '../app/preview.ts';
import { PAGE_HOST, PREVIEW_HOST, SCHEME } from './page-address.ts';

/** Before the app is ready. */
export function registerPageScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, corsEnabled: true, stream: true } },
  ]);
}

/**
 * Serves the page and the previews to one account's session: each account has its own, so a page can only ask for its own pictures.
 * @param root absolute folder of the built renderer
 * @param served whose session it is; it may leave, and come back
 */
export function servePage(session: Session, root: string, served: () => HostedAccount | undefined): void {
  const pictures = [`${SCHEME}://${PREVIEW_HOST}`];
  const headers = pageHeaders({ images: pictures, connect: pictures });
  session.protocol.handle(SCHEME, async (request) => {
    const { host, pathname } = new URL(request.url);
    if (request.method !== 'GET') return nothing(405);
    if (host === PREVIEW_HOST) return preview(served(), pathname.slice(1), request.headers.get('range'));
    const file = host === PAGE_HOST ? await pageFile(root, pathname) : null;
    if (file === null) return nothing(404);
    return new Response(file.body, { headers: { 'Content-Type': file.type, 'Cache-Control': 'no-cache', ...headers } });
  });
}

async function preview(account: HostedAccount | undefined, path: string, range: string | null): Promise<Response> {
  const asked = pictureAsked(path);
  const found = asked === null ? null : ((await account?.picture(asked).catch(() => null)) ?? null);
  // what shows no picture is no fault of the page's: it would stand in its console
  if (found === null) return nothing(asked === null ? 404 : 204);
  // The page's host is another one than the picture's, though both are this window's own; it draws thumbnails from them.
  const headers = {
    ...previewHeaders,
    'Cross-Origin-Resource-Policy': 'cross-origin',
    'Access-Control-Allow-Origin': `${SCHEME}://${PAGE_HOST}`,
    'Content-Type': found.type,
  };
  if ('octets' in found) return new Response(found.octets as Uint8Array<ArrayBuffer>, { headers });
  if (found.type.startsWith('video/')) return film(found.path, range, headers);
  const body = await readFile(found.path).catch(() => null);
  return body === null || body.length > MAX_PREVIEW ? nothing(404) : new Response(body, { headers });
}

/** As much of it as the player asks for. */
async function film(path: string, asked: string | null, headers: Record<string, string>): Promise<Response> {
  const size = (await stat(path).catch(() => null))?.size ?? 0;
  const range = byteRange(asked, size) ?? { start: 0, end: size - 1 };
  if (range === 'unsatisfiable' || size === 0) return nothing(416);
  const body = Readable.toWeb(createReadStream(path, range)) as ReadableStream;
  return new Response(body, {
    status: asked === null ? 200 : 206,
    headers: { ...headers, ...rangeHeaders(range, size), 'Accept-Ranges': 'bytes' },
  });
}

function nothing(status: number): Response {
  return new Response(null, { status, headers: plainHeaders });
}
