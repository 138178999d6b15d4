// better-sqlite3 13 wants Node-API 10; an Electron before 36 offers 9 and the rest of 10 as experimental. So its own source is
// compiled once with the experimental level switched on. No node-gyp: two compiler calls need neither Python nor Node's headers.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, root } from './paths.mjs';
import { run } from './run.mjs';
import { StepError, slowly } from './say.mjs';
import { ensureSystemPackages } from './system.mjs';

const modules = join(root, 'node_modules');

// Finalizers of experimental addons run inside the collector and must be posted out of it; node-addon-api does that when it
// sees this macro, which the stable headers leave out together with the function.
const wrapper = `#include <node_api.h>
#define NODE_API_EXPERIMENTAL_HAS_POST_FINALIZER
extern "C" napi_status node_api_post_finalizer(node_api_basic_env env, napi_finalize finalize, void* data, void* hint);
#include "better_sqlite3.cpp"
`;

const proof = `
const Database = require(process.argv[1]);
const db = new Database(':memory:', { nativeBinding: process.argv[2] });
db.exec("create virtual table t using fts5(a); insert into t values ('one two')");
for (let i = 0; i < 5000; i++) { db.prepare('select ' + i).get(); if (i % 1000 === 0) gc(); }
if (db.prepare('select count(*) n from t where t match ?').get('two').n !== 1) process.exit(1);
`;

/** The addon for this Electron, compiled and proven once; gives its absolute path. */
export async function ensureAddon(executable, electronVersion) {
  const { version } = JSON.parse(readFileSync(join(modules, 'better-sqlite3', 'package.json'), 'utf8'));
  const folder = join(cacheDir, `better-sqlite3-${version}-electron-${electronVersion}`);
  const file = join(folder, 'better_sqlite3.node');
  if (existsSync(file)) return file;
  await ensureSystemPackages('substitute');
  await slowly(`compiling better-sqlite3 ${version} for Electron ${electronVersion} (once)`, async () => {
    const work = `${folder}.${process.pid}`;
    mkdirSync(work, { recursive: true });
    try {
      await compile(work);
      await prove(executable, join(work, 'better_sqlite3.node'));
      mkdirSync(folder, { recursive: true });
      renameSync(join(work, 'better_sqlite3.node'), file);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
  return file;
}

async function compile(work) {
  const package_ = join(modules, 'better-sqlite3');
  const sqlite = join(package_, 'deps', 'sqlite3');
  const gypi = readFileSync(join(package_, 'deps', 'defines.gypi'), 'utf8');
  const defines = [...gypi.matchAll(/'([A-Z0-9_]+(?:=[-0-9]+)?)',/g)].map((match) => `-D${match[1]}`);
  const common = ['-c', '-O2', '-fPIC', '-w', '-DNDEBUG', ...defines, '-I', sqlite];
  const addon = [
    ...['-std=c++20', '-fvisibility=hidden', '-fno-exceptions', '-DBUILDING_NODE_EXTENSION', '-DNODE_GYP_MODULE_NAME=better_sqlite3'],
    ...['-DNAPI_EXPERIMENTAL', '-DNAPI_VERSION=2147483647', '-DNODE_API_EXPERIMENTAL_NOGC_ENV_OPT_OUT'],
    ...['-DNAPI_DISABLE_CPP_EXCEPTIONS', '-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
    ...['-I', join(modules, 'node-api-headers', 'include'), '-I', join(modules, 'node-addon-api'), '-I', join(package_, 'src')],
  ];
  writeFileSync(join(work, 'addon.cpp'), wrapper);
  await Promise.all([
    compiler('gcc', ['-std=c99', '-D_GNU_SOURCE', ...common, join(sqlite, 'sqlite3.c'), '-o', 'sqlite3.o'], work),
    compiler('g++', [...common, ...addon, 'addon.cpp', '-o', 'addon.o'], work),
  ]);
  const link = [
    '-shared',
    '-Wl,-Bsymbolic',
    '-Wl,--exclude-libs,ALL',
    'addon.o',
    'sqlite3.o',
    '-ldl',
    '-lm',
    '-lpthread',
    '-o',
    'better_sqlite3.node',
  ];
  await compiler('g++', link, work);
}

async function compiler(program, args, cwd) {
  const { ok, output } = await run(program, args, { cwd, quiet: true });
  if (!ok) throw new StepError(`${program} failed; a C and C++20 compiler (gcc and g++ 11 or newer) is needed here.\n${output.trim()}`);
}

/** Opens a database in that Electron, with full-text search, and lets the collector run finalizers. */
async function prove(executable, file) {
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  const { ok, output } = await run(executable, ['--expose-gc', '-e', proof, '--', join(modules, 'better-sqlite3'), file], {
    env,
    quiet: true,
  });
  if (!ok) throw new StepError(`the addon compiled for Electron does not work in it; report this.\n${output.trim()}`);
}
