import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inRepository } from '../../../build/entries.ts';

// A small house with the same rooms: allowed imports first, then one planted violation a rule.
const sound: Record<string, string> = {
  'shared/base/errors.ts': 'export const errors = 1;',
  'shared/protocol/xml/xml.ts': "export { errors as xml } from '../../base/errors.ts';",
  'shared/protocol/imdn/imdn.ts': "export { xml as imdn } from '../xml/xml.ts';",
  'shared/model/message.ts': "export { imdn as message } from '../protocol/imdn/imdn.ts';",
  'electron/sqlite/database.ts': "import Database from 'better-sqlite3';\nexport const database = Database;",
  'electron/store/worker.ts': "import { database } from '../sqlite/database.ts';\nconsole.log(database);",
  'electron/store/port.ts': "export { message as store } from '../../shared/model/message.ts';",
  'electron/sip/agent.ts': "import { UserAgent } from 'sip.js';\nexport const agent = UserAgent;",
  'electron/services/chat.ts':
    "import { agent } from '../sip/agent.ts';\nimport { store } from '../store/port.ts';\nexport const chat = [agent, store];",
  'electron/home-network/main.ts': "export { errors as network } from '../../shared/base/errors.ts';",
  'electron/app/client.ts':
    "import { network } from '../home-network/main.ts';\nimport { chat } from '../services/chat.ts';\nexport const client = [network, chat];",
  'electron/shell/main.ts': "import { app } from 'electron';\nimport { client } from '../app/client.ts';\nconsole.log(app, client);",
  'electron/headless/main.ts': "import { client } from '../app/client.ts';\nconsole.log(client);",
  'renderer/main.ts': "import { message } from '../shared/model/message.ts';\nimport App from './app.svelte';\nconsole.log(message, App);",
  'renderer/app.svelte': '<script lang="ts">\n  let { count = 1 }: { count?: number } = $props();\n</script>\n<p>{count}</p>',
};

const planted: [rule: string, file: string, source: string][] = [
  ['shared-imports-only-shared', 'shared/model/a.ts', "import '../../electron/store/port.ts';"],
  ['shared-is-pure', 'shared/base/b.ts', "import 'node:fs';"],
  ['shared-imports-few-packages', 'shared/base/c.ts', "import 'ws';"],
  [
    'renderer-knows-only-shared',
    'renderer/d.ts',
    "import type { client } from '../electron/app/client.ts';\nexport type Client = typeof client;",
  ],
  [
    'renderer-knows-only-shared',
    'renderer/d.svelte',
    '<script lang="ts">\n  import { client } from \'../electron/app/client.ts\';\n</script>\n{client}',
  ],
  ['renderer-is-a-page', 'renderer/e.ts', "import 'node:path';"],
  ['electron-does-not-import-the-page', 'electron/app/f.ts', "import '../../renderer/main.ts';"],
  ['nothing-imports-the-shell', 'electron/app/g.ts', "import '../shell/main.ts';"],
  ['app-is-above-the-services', 'electron/services/h.ts', "import '../app/client.ts';"],
  ['services-are-above-the-engines', 'electron/store/i.ts', "import '../services/chat.ts';"],
  ['engines-do-not-know-each-other', 'electron/sip/j.ts', "import '../store/port.ts';"],
  ['home-network-imports-shared-and-msrp', 'electron/home-network/k.ts', "import '../sip/agent.ts';"],
  ['only-the-demo-imports-the-home-network', 'electron/services/l.ts', "import '../home-network/main.ts';"],
  ['protocol-imports-only-grammar', 'shared/protocol/cpim/m.ts', "import '../imdn/imdn.ts';"],
  ['protocol-imports-only-grammar', 'shared/protocol/xml/n.ts', "import '../../model/message.ts';"],
  ['only-sqlite-imports-better-sqlite3', 'electron/services/o.ts', "import 'better-sqlite3';"],
  ['sqlite-knows-no-schema', 'electron/sqlite/aa.ts', "import '../store/port.ts';"],
  ['sqlite-stands-behind-ports', 'electron/services/bb.ts', "import '../sqlite/database.ts';"],
  ['digest-knows-no-protocol', 'electron/digest/ee.ts', "import '../store/port.ts';"],
  ['imap-knows-no-history', 'electron/imap/cc.ts', "import '../store/port.ts';"],
  ['only-imap-imports-imapflow', 'electron/services/dd.ts', "import { ImapFlow } from 'imapflow';\nexport const client = ImapFlow;"],
  ['only-sip-imports-sip-js', 'electron/app/p.ts', "import 'sip.js';"],
  ['only-the-shell-imports-electron', 'renderer/q.ts', "import 'electron';"],
  ['only-the-shell-imports-electron', 'renderer/r.svelte', '<script lang="ts">\n  import { app } from \'electron\';\n</script>\n{app}'],
  ['only-the-shell-imports-electron', 'electron/services/s.ts', "import type { App } from 'electron';\nexport type A = App;"],
  ['no-circular', 'electron/app/t.ts', "import './u.ts';"],
  ['no-circular', 'electron/app/y.ts', "import type { Z } from './z.ts';\nexport type Y = Z | null;"],
  ['no-orphans', 'shared/base/v.ts', 'export const nobody = 1;'],
  ['not-to-unresolvable', 'shared/base/w.ts', "import './nowhere.ts';"],
  ['product-imports-no-tests', 'electron/app/x.ts', "import '../../test/harness.ts';"],
];

let folder = '';
let rules: string[] = [];
let violations: { rule: string; file: string }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-arrow-'));
  const others = {
    'test/harness.ts': 'export {};',
    'electron/app/u.ts': "import './t.ts';",
    'electron/app/z.ts': "import type { Y } from './y.ts';\nexport type Z = Y[];",
  };
  const files = { ...sound, ...others, ...Object.fromEntries(planted.map(([, file, source]) => [file, source])) };
  for (const [file, source] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `${source}\n`);
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  symlinkSync(inRepository('node_modules'), join(folder, 'node_modules'), 'junction');
  const { summary } = await cruise(folder);
  rules = summary.ruleSetUsed.forbidden.map(({ name }) => name);
  violations = summary.violations.map(({ from, rule }) => ({ rule: rule.name, file: from }));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The part of dependency-cruiser's JSON output that is read here. */
interface Cruise {
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
    readonly ruleSetUsed: { readonly forbidden: readonly { readonly name: string }[] };
  };
}

function cruise(cwd: string): Promise<Cruise> {
  const script = inRepository('node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const config = inRepository('build/dependency-cruiser.mjs');
  const args = [script, '--config', config, '--output-type', 'json', 'shared', 'electron', 'renderer', 'test'];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (stdout === '') reject(new Error(stderr, { cause: error }));
      else resolve(JSON.parse(stdout) as Cruise);
    });
  });
}

describe('the one arrow', () => {
  it.each(planted)('%s catches %s', (rule, file) => {
    expect(violations).toContainEqual({ rule, file });
  });

  it('leaves a sound house alone', () => {
    const innocent = new Set(Object.keys(sound));
    expect(violations.filter(({ file }) => innocent.has(file))).toEqual([]);
  });

  it('has a planted violation for every rule', () => {
    expect(new Set(planted.map(([rule]) => rule))).toEqual(new Set(rules));
  });
});
