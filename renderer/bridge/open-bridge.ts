import type { Bridge } from './bridge.ts';
import { electronBridge } from './electron.ts';
import { websocketBridge } from './websocket.ts';

/** The bridge of whatever hosts this page. */
export function openBridge(): Bridge {
  return window.parley === undefined ? websocketBridge(window.location) : electronBridge(window.parley);
}
