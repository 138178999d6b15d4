import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/**
 * Who may ask. The server listens on loopback only, which any page in the person's browser can reach too: so the Host header must be
 * ours (a foreign name that resolves to 127.0.0.1 shows itself there), the Origin must be ours where there is one, and everything
 * but the page's own files wants the account's token.
 */
export function isOwnHost(host: string | undefined, port: number): boolean {
  return host === `127.0.0.1:${port}` || host === `localhost:${port}`;
}

/** A browser names the origin of a WebSocket and of a POST always; a program that has the token need not. */
export function isOwnOrigin(request: IncomingMessage): boolean {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (origin !== undefined && origin !== `http://${host}`) return false;
  return site === undefined || site === 'same-origin' || site === 'none';
}

/** Compares in a time that tells nothing about how much of it is right. */
export function sameToken(given: string, expected: string): boolean {
  return timingSafeEqual(createHash('sha256').update(given).digest(), createHash('sha256').update(expected).digest());
}
