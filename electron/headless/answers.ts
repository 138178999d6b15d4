import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type ErrorCode, ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { byteRange, rangeHeaders } from '../app/byte-range.ts';
import { plainHeaders } from '../app/page.ts';

const STATUS: Partial<Record<ErrorCode, number>> = {
  'request.not-found': 404,
  'request.invalid': 400,
  'request.invalid-state': 409,
  'file.missing': 404,
  'file.too-large': 413,
  'file.disk-full': 507,
  internal: 500,
};

export function answerText(response: ServerResponse, status: number, text: string, headers: OutgoingHttpHeaders = {}): void {
  // Who is refused may not hold the connection by a body that never ends.
  const ending = status >= 400 ? { Connection: 'close' } : {};
  const type = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' };
  response.writeHead(status, { ...type, ...ending, ...plainHeaders, ...headers });
  response.end(`${text}\n`);
}

export function answerJson(response: ServerResponse, status: number, value: unknown, headers: OutgoingHttpHeaders = {}): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...plainHeaders, ...headers });
  response.end(JSON.stringify(value));
}

export function answerError(response: ServerResponse, thrown: unknown, headers: OutgoingHttpHeaders = {}): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { code, detail } = toCodedError(thrown);
  answerJson(response, STATUS[code] ?? 422, { code, detail }, headers);
}

/**
 * @param asked the request's Range
 * @throws ParleyError `file.missing` before anything was sent; a file that breaks off later breaks the answer off
 */
export async function answerFile(response: ServerResponse, path: string, headers: OutgoingHttpHeaders, asked?: string): Promise<void> {
  const found = await stat(path).catch((thrown: unknown) => {
    throw new ParleyError('file.missing', 'the file is not there any more', { cause: thrown });
  });
  if (!found.isFile()) throw new ParleyError('file.missing', 'not a file');
  const range = byteRange(asked, found.size);
  if (range === 'unsatisfiable') return answerText(response, 416, 'not so long');
  const whole = { 'Content-Length': found.size, 'Accept-Ranges': 'bytes' };
  response.writeHead(range === null ? 200 : 206, { ...whole, ...(range && rangeHeaders(range, found.size)), ...headers });
  if (found.size === 0) response.end();
  // No more than was promised, though the file may grow meanwhile.
  else await pipeline(createReadStream(path, range ?? { end: found.size - 1 }), response);
}

/** RFC 6266: the name for every browser, and its plain form for those that know only ASCII. */
export function attachment(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const full = encodeURIComponent(name.replace(/\p{Surrogate}/gu, '\uFFFD')).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${full}`;
}
