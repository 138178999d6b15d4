import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};

/**
 * One file of the built renderer.
 * @param root absolute folder of the build
 * @param path decoded path of a URL, `/` for the page itself
 * @returns null for what is not there, not of a known type, or outside of `root`
 */
export async function pageFile(root: string, path: string): Promise<{ readonly body: Buffer<ArrayBuffer>; readonly type: string } | null> {
  const name = path === '/' ? '/index.html' : path;
  const type = TYPES[extname(name)];
  if (type === undefined || !/^(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$/.test(name)) return null;
  try {
    return { body: await readFile(join(root, name)), type };
  } catch {
    return null;
  }
}

/**
 * What every answer with the page or a part of it carries: no script but the page's own files, no eval, no frame around it, nothing
 * loaded from elsewhere.
 * @param sources where else than from its own origin the page may load images and films from and connect to
 */
export function pageHeaders(sources: { readonly images: readonly string[]; readonly connect: readonly string[] }): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    ["img-src 'self' data: blob:", ...sources.images].join(' '),
    ["media-src 'self'", ...sources.images].join(' '),
    ["connect-src 'self'", ...sources.connect].join(' '),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return { 'Content-Security-Policy': policy.join('; '), ...plainHeaders };
}

/** For every other answer. */
export const plainHeaders: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** A picture that is shown is never anything else, even when it is opened as a page of its own. */
export const previewHeaders: Readonly<Record<string, string>> = {
  ...plainHeaders,
  'Content-Security-Policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
  'Cache-Control': 'private, max-age=3600',
};
