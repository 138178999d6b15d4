import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accepts, freePort } from './ports.ts';

const TRIES = 3;

/** Why SIPp cannot run here; null when it can. */
export const sippMissing: string | null = (() => {
  try {
    execFileSync('sipp', ['-v'], { stdio: 'ignore' });
    return null;
  } catch (thrown) {
    // it prints its version and says so by 99
    return (thrown as { status?: number | null }).status === 99 ? null : 'sipp is not installed (Debian: sip-tester)';
  }
})();

/** One step of a call, as SIPp's scenario files have it. */
export type Step =
  | {
      readonly receive: string;
      readonly optional?: string;
      readonly check?: readonly Check[];
      readonly keep?: Readonly<Record<string, string>>;
    }
  | { readonly send: string }
  | { readonly pause: number }
  | { readonly label: string }
  | { readonly go: string };

/** A header field (or the body) that must fit a regular expression. */
export interface Check {
  readonly header?: string;
  readonly fits: string;
}

/** What answers a request has: Via, From, To with a tag, Call-ID and CSeq of the last one that came. */
export function answer(status: string, { tag = 'sipp', headers = [] as readonly string[], body = '' } = {}): Step {
  const to = tag === '' ? '[last_To:]' : `[last_To:];tag=${tag}`;
  const lines = [`SIP/2.0 ${status}`, '[last_Via:]', '[last_From:]', to, '[last_Call-ID:]', '[last_CSeq:]', ...headers];
  const length = body === '' ? 'Content-Length: 0' : 'Content-Length: [len]';
  return { send: `${[...lines, length].join('\n')}\n\n${body}` };
}

/** Plays a scenario as a SIP core over TCP: each Call-ID that comes is a call of its own. What decides is SIPp's own exit code. */
export class Sipp {
  readonly port: number;
  /** resolves when all calls went as the scenario has it, rejects with what SIPp found wrong */
  readonly passed: Promise<void>;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port;
    this.#child = child;
    let printed = '';
    const keep = (text: string): void => {
      printed = (printed + text).slice(-4000);
    };
    child.stdout?.setEncoding('utf8').on('data', keep);
    child.stderr?.setEncoding('utf8').on('data', keep);
    this.passed = new Promise((resolve, reject) => {
      child.once('exit', (code) => {
        const errors = readdirSync(folder).filter((name) => name.endsWith('_errors.log'));
        const said = errors.map((name) => readFileSync(join(folder, name), 'utf8').slice(0, 4000)).join('\n');
        rmSync(folder, { recursive: true, force: true });
        if (code === 0) resolve();
        else reject(new Error(`sipp ended with ${code}:\n${said || printed}`));
      });
    });
    this.passed.catch(() => undefined);
  }

  /** @param calls how many are played, the registration included */
  static async start(steps: readonly Step[], { calls = 2, seconds = 90 } = {}): Promise<Sipp> {
    for (let tries = 1; ; tries++) {
      try {
        return await Sipp.#startOnce(steps, calls, seconds);
      } catch (thrown) {
        // a port that was free is somebody else's by the time SIPp wants it
        if (tries === TRIES || !/bind/i.test(String(thrown))) throw thrown;
      }
    }
  }

  static async #startOnce(steps: readonly Step[], calls: number, seconds: number): Promise<Sipp> {
    const folder = mkdtempSync(join(tmpdir(), 'parley-sipp-'));
    const port = await freePort('127.0.0.1');
    writeFileSync(join(folder, 'scenario.xml'), scenario(steps));
    const child = spawn(
      'sipp',
      ['-sf', 'scenario.xml', '-t', 't1', '-i', '127.0.0.1', '-p', String(port), '-m', String(calls), '-nostdin', '-trace_err'].concat([
        ...['-timeout', String(seconds), '-timeout_error', '-deadcall_wait', '0'],
      ]),
      { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const sipp = new Sipp(port, child, folder);
    await Promise.race([listening(port), sipp.passed]);
    return sipp;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

function scenario(steps: readonly Step[]): string {
  const kept = steps.flatMap((step) => ('receive' in step ? Object.keys(step.keep ?? {}) : []));
  let checks = 0;
  const names: string[] = [...kept];
  const actions = (step: Extract<Step, { receive: string }>): string => {
    const keeps = Object.entries(step.keep ?? {}).map(([name, expression]) => {
      return `<ereg regexp="${inAttribute(expression)}" search_in="msg" check_it="true" assign_to="${name}"/>`;
    });
    const tests = (step.check ?? []).map(({ header, fits }) => {
      const name = `check${++checks}`;
      names.push(name);
      const where = header === undefined ? 'search_in="msg"' : `search_in="hdr" header="${header}:"`;
      return `<ereg regexp="${inAttribute(fits)}" ${where} check_it="true" assign_to="${name}"/>`;
    });
    return keeps.length + tests.length === 0 ? '' : `<action>${[...keeps, ...tests].join('')}</action>`;
  };
  const lines = steps.map((step) => {
    if ('send' in step) return `<send><![CDATA[\n${step.send}]]></send>`;
    if ('pause' in step) return `<pause milliseconds="${step.pause}"/>`;
    if ('label' in step) return `<label id="${step.label}"/>`;
    if ('go' in step) return `<nop next="${step.go}"/>`;
    const what = /^\d/.test(step.receive) ? `response="${step.receive}"` : `request="${step.receive}"`;
    const optional = step.optional === undefined ? '' : ` optional="true" next="${step.optional}"`;
    return `<recv ${what}${optional} crlf="true">${actions(step)}</recv>`;
  });
  const references = names.length === 0 ? '' : `<Reference variables="${names.join(',')}"/>`;
  return `<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="Parley">\n${lines.join('\n')}\n${references}\n</scenario>\n`;
}

function inAttribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

async function listening(port: number): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await accepts('127.0.0.1', port))) {
    if (Date.now() > end) throw new Error('sipp does not listen');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
