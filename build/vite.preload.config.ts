import { defineConfig } from 'vite';
import { existing, preloadEntries, repository } from './entries.ts';

/** The preload: one CommonJS file, since a sandboxed preload may load nothing else. */
export default defineConfig({
  root: repository,
  build: {
    target: 'chrome130',
    outDir: 'out/preload',
    emptyOutDir: true,
    minify: false,
    sourcemap: true,
    ssr: true,
    rolldownOptions: {
      input: existing(preloadEntries),
      external: ['electron'],
      output: { format: 'cjs', entryFileNames: '[name].cjs' },
    },
  },
  ssr: { noExternal: true, external: ['electron'] },
});
