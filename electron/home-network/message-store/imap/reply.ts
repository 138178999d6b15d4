import { toCodedError } from '../../../../shared/base/errors.ts';

/** How a command ends: the line after its tag. */
export interface Reply {
  readonly status: 'OK' | 'NO' | 'BAD';
  /** with a response code in brackets before it where there is one */
  readonly text: string;
}

export function ok(text: string): Reply {
  return { status: 'OK', text };
}

export function no(text: string): Reply {
  return { status: 'NO', text };
}

export function bad(text: string): Reply {
  return { status: 'BAD', text };
}

/** What a command that failed is answered (response codes of RFC 5530). */
export function replyTo(thrown: unknown): Reply {
  const { code, detail } = toCodedError(thrown);
  const why = detail.replace(/[^ -~]/g, ' ').slice(0, 200);
  switch (code) {
    case 'imap.malformed':
    case 'imap.too-large':
      return bad(why);
    case 'request.not-found':
      return no(`[NONEXISTENT] ${why}`);
    case 'request.invalid-state':
      return no(`[ALREADYEXISTS] ${why}`);
    case 'request.invalid':
      return no(`[CANNOT] ${why}`);
    case 'history.full':
    case 'store.full':
      return no(`[OVERQUOTA] ${why}`);
    default:
      return no('[SERVERBUG] It could not be done');
  }
}
