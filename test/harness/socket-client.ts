import WebSocket from 'ws';
import type { Channel } from '../../shared/ipc/wire.ts';

/** A page's end of the contract over a WebSocket, from Node. @throws the status a host refused with, as `Error('403')` */
export async function connectSocket(
  url: string,
  headers: Record<string, string> = {},
): Promise<Channel & { socket: WebSocket; close(): void }> {
  const socket = new WebSocket(url, { headers });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('unexpected-response', (_request, response) => reject(new Error(String(response.statusCode))));
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  return {
    socket,
    close: () => socket.terminate(),
    send: (text) => socket.send(text),
    onText(listener) {
      const receive = (data: WebSocket.RawData): void => listener(String(data));
      socket.on('message', receive);
      return () => socket.off('message', receive);
    },
    onClose(listener) {
      if (socket.readyState === WebSocket.CLOSED) listener();
      socket.once('close', listener);
      return () => socket.off('close', listener);
    },
  };
}
