import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { type CodedError, ERROR_CODES } from '../../../shared/base/errors.ts';
import { contract } from '../../../shared/ipc/contract.ts';
import { connectContract, serveContract } from '../../../shared/ipc/wire.ts';
import { fakeHosted } from '../../harness/fake-hosted.ts';
import { memoryChannels } from '../../harness/memory-channel.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const { handlers } = fakeHosted(temporaryFolder(), 'alice');

const methods = fc.constantFrom(...Object.keys(contract.methods), 'constructor', '__proto__', 'hasOwnProperty', 'app.nothing');
const events = fc.constantFrom(...Object.keys(contract.events), 'constructor', '__proto__', 'valueOf');
const anyId = fc.oneof(fc.string({ maxLength: 80 }), fc.constant(null), fc.integer(), fc.jsonValue());

/** from noise to texts that are nearly right */
const callTexts = fc.oneof(
  fc.string(),
  fc.json(),
  fc.record({ id: anyId, method: methods, params: fc.jsonValue() }, { requiredKeys: [] }).map((frame) => JSON.stringify(frame)),
  fc
    .record({ id: fc.string({ minLength: 1, maxLength: 64 }), method: methods, params: nearParams() })
    .map((frame) => JSON.stringify(frame)),
);
const answerTexts = fc.oneof(
  fc.string(),
  fc.json(),
  fc.record({ id: anyId, result: fc.jsonValue(), error: fc.jsonValue() }, { requiredKeys: [] }).map((frame) => JSON.stringify(frame)),
  // some events carry nothing, and nothing fits them
  fc
    .record({ event: events, payload: fc.jsonValue() })
    .filter(({ event, payload }) => !fits(event, payload))
    .map((frame) => JSON.stringify(frame)),
);

function nearParams() {
  const value = fc.oneof(fc.integer({ min: -1, max: 300 }), fc.string({ maxLength: 70 }), fc.constant(null));
  return fc.dictionary(fc.constantFrom('conversationId', 'messageId', 'clientId', 'text', 'limit', 'before', 'address', 'url'), value);
}

function fits(event: string, payload: unknown): boolean {
  const schema = Object.entries(contract.events).find(([name]) => name === event)?.[1];
  return schema !== undefined && v.is(schema as v.GenericSchema, payload);
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('garbage', () => {
  it('towards the core never throws out of it, and each text has one answer with a known code or a result', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(callTexts, { maxLength: 20 }), async (texts) => {
        const ends = memoryChannels();
        const answers: { id: unknown; error?: CodedError }[] = [];
        ends.page.onText((text) => answers.push(JSON.parse(text)));
        serveContract(ends.core, handlers, () => () => {});
        for (const text of texts) ends.page.send(text);
        await settled();
        await settled();
        expect(answers).toHaveLength(texts.length);
        for (const { error } of answers) if (error !== undefined) expect(ERROR_CODES).toContain(error.code);
        // and it still works
        const page = connectContract(ends.page);
        expect((await page.call('app.state', {})).version).toBe('0.1.0');
      }),
      { numRuns: 300 },
    );
  });

  it('towards the page never throws out of it, and reaches no listener unless it fits', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(answerTexts, { maxLength: 20 }), async (texts) => {
        const ends = memoryChannels();
        const problems: CodedError[] = [];
        const seen: unknown[] = [];
        const page = connectContract(ends.page, { onProblem: (problem) => problems.push(problem) });
        page.on('message.changed', (payload) => seen.push(payload));
        for (const text of texts) ends.core.send(text);
        await settled();
        expect(seen).toEqual([]);
        expect(problems.length).toBe(texts.length);
        serveContract(ends.core, handlers, () => () => {});
        expect((await page.call('app.state', {})).version).toBe('0.1.0');
      }),
      { numRuns: 300 },
    );
  });
});
