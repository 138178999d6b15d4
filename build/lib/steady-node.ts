/**
 * Arguments for a Node that reads TypeScript in several threads. Its reader is WebAssembly, and V8 13 can end the process (`Check failed:
 * jit_page.has_value()`) when the calls out of it are compiled anew in one thread while another one ends: nodejs/node#64500. Never compiled anew, they are never freed.
 */
export const steadyNode = ['--wasm-wrapper-tiering-budget=1000000000'] as const;
