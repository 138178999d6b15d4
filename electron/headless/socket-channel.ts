import type { WebSocket } from 'ws';
import type { Channel } from '../../shared/ipc/wire.ts';

/** A page that does not read is let go before its backlog fills the memory. */
const MAX_BACKLOG = 256 * 1024 * 1024;
const UNSUPPORTED_DATA = 1003;

export function socketChannel(socket: WebSocket): Channel {
  return {
    send(text) {
      if (socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > MAX_BACKLOG) socket.terminate();
      else socket.send(text);
    },
    onText(listener) {
      const receive = (data: Buffer, binary: boolean): void => {
        if (binary) socket.close(UNSUPPORTED_DATA);
        else listener(data.toString('utf8'));
      };
      socket.on('message', receive);
      return () => socket.off('message', receive);
    },
    onClose(listener) {
      if (socket.readyState === socket.CLOSED) listener();
      socket.once('close', listener);
      return () => socket.off('close', listener);
    },
  };
}
