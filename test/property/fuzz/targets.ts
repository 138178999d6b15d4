import type { Target } from './target.ts';
import { BODY_TARGETS } from './targets/bodies.ts';
import { DOCUMENT_TARGETS } from './targets/documents.ts';
import { GROUP_TARGETS } from './targets/groups.ts';
import { MAIL_TARGETS } from './targets/mail.ts';
import { OTHER_TARGETS } from './targets/other.ts';
import { SESSION_TARGETS } from './targets/session.ts';
import { SIP_TARGETS } from './targets/sip.ts';

/**
 * Every decoder of something that somebody else wrote. A new one is one entry in one of the lists; `fuzz.test.ts` fails for an export of
 * shared/protocol that decodes and stands under no `covers`.
 */
export const TARGETS: readonly Target[] = [
  ...SIP_TARGETS,
  ...SESSION_TARGETS,
  ...BODY_TARGETS,
  ...DOCUMENT_TARGETS,
  ...GROUP_TARGETS,
  ...MAIL_TARGETS,
  ...OTHER_TARGETS,
];
