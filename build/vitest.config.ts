import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { repository } from './entries.ts';

export default defineConfig({
  root: repository,
  // State classes in .svelte.ts files are tested without a page; the plugin gives them their runes.
  plugins: [svelte({ configFile: false })],
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
});
