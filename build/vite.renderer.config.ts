import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { inRepository } from './entries.ts';

/** The page. No inline script or style comes out of it, so the strict content security policy holds. */
export default defineConfig({
  root: inRepository('renderer'),
  base: './',
  publicDir: false,
  plugins: [svelte({ configFile: false })],
  build: {
    target: 'chrome130',
    outDir: inRepository('out/renderer'),
    emptyOutDir: true,
    sourcemap: true,
    // A data: URL would need img-src data: in the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
