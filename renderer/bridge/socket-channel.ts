import type { Channel } from '../../shared/ipc/wire.ts';

/** An open WebSocket as a channel of the contract. */
export function socketChannel(socket: WebSocket): Channel {
  return {
    send: (text) => socket.send(text),
    onText(listener) {
      const onMessage = (event: MessageEvent<unknown>): void => {
        if (typeof event.data === 'string') listener(event.data);
      };
      socket.addEventListener('message', onMessage);
      return () => socket.removeEventListener('message', onMessage);
    },
    onClose(listener) {
      socket.addEventListener('close', listener);
      return () => socket.removeEventListener('close', listener);
    },
  };
}
