import * as v from 'valibot';
import { clientId, id, list, message, pageLimit } from './message-parts.ts';
import { codedError, nothing, octets } from './parts.ts';

/** What a person does with files. The page knows a file by a token or by its transfer, and never by a path. */

/** longest file name that is taken for one, in UTF-16 code units */
export const MAX_FILE_NAME = 255;

/** A file the person picked, known to the core by `token`; the renderer never handles a path. */
const candidate = v.object({ token: v.string(), name: v.string(), size: octets, type: v.string() });

/** What became of one file that was picked: exactly one of `candidate` and `error` is there. */
export const offeredFile = v.object({ name: v.string(), candidate: v.nullable(candidate), error: v.nullable(codedError) });

export const fileMethods = {
  /** opens the host's file dialog; empty when the person closed it, each file with its candidate or the reason why it cannot be sent */
  'files.choose': { params: nothing, result: v.object({ items: v.array(offeredFile) }) },
  'files.send': {
    params: v.strictObject({
      conversationId: id,
      clientId,
      token: v.pipe(v.string(), v.maxLength(128)),
    }),
    result: message,
  },
  /**
   * the thumbnail that the page made of a file that was picked: a PNG or JPEG of at most 10 KiB in base64. It goes with the file, also where
   * that was sent already and is not offered yet.
   */
  'files.thumbnail': {
    params: v.strictObject({
      token: v.pipe(v.string(), v.maxLength(128)),
      octets: v.pipe(v.string(), v.maxLength(13_656), v.regex(/^[A-Za-z0-9+/]+={0,2}$/)),
    }),
    result: nothing,
  },
  /** a file that is whole on this device, to be sent to somebody else as if it had been picked */
  'transfers.candidate': { params: v.strictObject({ transferId: id }), result: candidate },
  /**
   * asks the person of that conversation for a file, by all that is known of it (RFC 5547 section 8.2.2); `hash` is its SHA-1, lower-case
   * hexadecimal digits
   */
  'files.request': {
    params: v.strictObject({
      conversationId: id,
      clientId,
      name: v.optional(v.pipe(v.string(), v.maxLength(MAX_FILE_NAME))),
      type: v.optional(v.pipe(v.string(), v.regex(/^[a-z0-9!#$&^_.+-]{1,64}\/[a-z0-9!#$&^_.+-]{1,64}$/))),
      size: v.optional(octets),
      hash: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{40}$/))),
    }),
    result: message,
  },
  /** the files of a conversation, newest first; `before` is the last message of the page before */
  'files.page': {
    params: v.strictObject({ conversationId: id, before: v.optional(id), limit: pageLimit }),
    result: v.object({ items: v.array(message), more: v.boolean() }),
  },
  /** what waits for its turn, in order: more files than may flow at once */
  'transfers.queue': { params: nothing, result: v.object({ items: list(id) }) },
  /** gives a peer who asked for a file the one that was picked under `token`; `transfers.decline` is the other answer */
  'transfers.give': { params: v.strictObject({ transferId: id, token: v.pipe(v.string(), v.maxLength(128)) }), result: nothing },
  /** what came or went stays, to be taken up again; `request.invalid-state` when nothing is under way */
  'transfers.pause': { params: v.strictObject({ transferId: id }), result: nothing },
  /** takes up what was paused or interrupted where it was, in either direction */
  'transfers.resume': { params: v.strictObject({ transferId: id }), result: nothing },
  /** a copy of a finished file where the person says; false when the dialog was closed */
  'transfers.saveAs': { params: v.strictObject({ transferId: id }), result: v.object({ saved: v.boolean() }) },
  /** one file of an invitation; with several the answer leaves when each of them is accepted or declined */
  'transfers.accept': { params: v.strictObject({ transferId: id }), result: nothing },
  'transfers.decline': { params: v.strictObject({ transferId: id }), result: nothing },
  'transfers.cancel': { params: v.strictObject({ transferId: id }), result: nothing },
  'transfers.open': { params: v.strictObject({ transferId: id }), result: nothing },
  'transfers.showInFolder': { params: v.strictObject({ transferId: id }), result: nothing },
} as const;

export const fileEvents = {
  /** as answered by `transfers.queue` */
  'transfers.queued': v.object({ items: list(id) }),
  'transfer.progress': v.object({
    transferId: id,
    messageId: id,
    conversationId: id,
    transferred: octets,
    size: octets,
    rate: v.number(),
    secondsLeft: v.nullable(v.number()),
  }),
} as const;

export type FileCandidate = v.InferOutput<typeof candidate>;
export type OfferedFile = v.InferOutput<typeof offeredFile>;
