import { builtinModules } from 'node:module';
import { defineConfig } from 'vite';
import { existing, mainEntries, repository } from './entries.ts';

/** Everything that runs in Node: the Electron main process, its workers, and the hosts without Electron. */
export default defineConfig({
  root: repository,
  build: {
    // Node 20.18 is the oldest that runs it: Electron 33's.
    target: 'node20',
    ssr: true,
    outDir: 'out/main',
    emptyOutDir: true,
    minify: false,
    sourcemap: true,
    rolldownOptions: {
      input: existing(mainEntries),
      external: ['electron', 'better-sqlite3', ...builtinModules, /^node:/],
      // Chunks lie beside the entries: a file that asks for its neighbour by import.meta.url finds it from either.
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
  // Bundled, so a package carries only what is used; better-sqlite3 cannot be, for its native addon.
  ssr: { noExternal: true, external: ['electron', 'better-sqlite3'] },
});
