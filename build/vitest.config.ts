import { availableParallelism } from 'node:os';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { inRepository, repository } from './entries.ts';
import { steadyNode } from './lib/steady-node.ts';

export default defineConfig({
  root: repository,
  // State classes in .svelte.ts files are tested without a page; the plugin gives them their runes.
  plugins: [svelte({ configFile: false })],
  test: {
    environment: 'node',
    execArgv: [...steadyNode],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // as long as a machine in use may take; what comes at once is seen at once
    expect: { poll: { timeout: 15_000 } },
    // Two at least: much of a file's time is spent waiting for sockets, pages and timers. Each is a process with ports, folders and a display of its own.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        extends: true,
        test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], globalSetup: [inRepository('test/harness/built-app.ts')] },
      },
      { extends: true, test: { name: 'parts', include: ['test/**/*.test.ts'], exclude: ['test/e2e/**'] } },
    ],
  },
});
