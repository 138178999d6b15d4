import { Emitter } from '../../shared/base/emitter.ts';
import { ERROR_CODES, toCodedError } from '../../shared/base/errors.ts';
import type { EventName, EventPayload, FileCandidate, OfferedFile } from '../../shared/ipc/contract.ts';
import { HEADLESS_PATHS } from '../../shared/ipc/host.ts';
import { type ContractClient, connectContract } from '../../shared/ipc/wire.ts';
import type { Bridge } from './bridge.ts';
import { isApple } from './platform.ts';
import { socketChannel } from './socket-channel.ts';

/** waits between tries, ms: the host is on the same machine, so a short wait costs nothing */
const FIRST_WAIT = 250;
const LONGEST_WAIT = 5000;

/** The bridge to a headless host: the contract over a WebSocket, files by POST, previews by GET (`HEADLESS_PATHS`). */
export function websocketBridge(location: Location): Bridge {
  const token = readToken(location);
  const links = new Emitter<boolean>();
  const events = new Map<EventName, Emitter<never>>();
  let current: Promise<ContractClient>;
  let failures = 0;
  /** of the connection that is there */
  let live: ContractClient | null = null;

  const address = (path: string, more: Record<string, string> = {}): URL => {
    const url = new URL(path, location.href);
    url.search = new URLSearchParams({ token, ...more }).toString();
    return url;
  };

  const forward = (client: ContractClient, event: EventName): void => {
    client.on(event, (payload) => (events.get(event) as Emitter<unknown> | undefined)?.emit(payload));
  };

  const connect = (): Promise<ContractClient> =>
    new Promise((resolve) => {
      const url = address(HEADLESS_PATHS.contract);
      url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
      const socket = new WebSocket(url);
      socket.addEventListener('open', () => {
        failures = 0;
        const client = connectContract(socketChannel(socket));
        for (const event of events.keys()) forward(client, event);
        live = client;
        resolve(client);
        links.emit(true);
      });
      socket.addEventListener('close', () => {
        const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures);
        failures += 1;
        live = null;
        // Calls made meanwhile wait for the next connection; a socket that never opened hands its own waiters on to it.
        current = new Promise((later) => setTimeout(() => later(connect()), wait));
        resolve(current);
        links.emit(false);
      });
    });
  current = connect();

  const offerFiles = (files: readonly File[]): Promise<OfferedFile[]> =>
    Promise.all(files.map((file) => upload(file, address(HEADLESS_PATHS.files, { name: file.name }))));

  return {
    call: async (method, params) => (await current).call(method, params),
    on(event, listener) {
      let emitter = events.get(event) as unknown as Emitter<EventPayload<typeof event>> | undefined;
      if (emitter === undefined) {
        emitter = new Emitter();
        events.set(event, emitter as unknown as Emitter<never>);
        if (live !== null) forward(live, event);
      }
      return emitter.on(listener);
    },
    onLink: (listener) => links.on(listener),
    chooseFiles: async () => offerFiles(await pickFiles()),
    offerFiles,
    openLink: async (url) => followLink(url),
    pictureUrl: (picture) => address(HEADLESS_PATHS.preview(picture)).href,
    savedUrl: (transferId) => address(HEADLESS_PATHS.saved(transferId)).href,
    apple: isApple(),
  };
}

/** From the fragment, which browsers keep to themselves, or else from the query. */
function readToken(location: Location): string {
  const fragment = new URLSearchParams(location.hash.slice(1)).get('token');
  return fragment ?? new URLSearchParams(location.search).get('token') ?? '';
}

/** By the browser: a headless host has nothing to open a link with. */
function followLink(url: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.target = '_blank';
  link.rel = 'noopener noreferrer';
  link.click();
}

/** The browser's own dialog: a headless host has none. */
function pickFiles(): Promise<readonly File[]> {
  return new Promise((resolve) => {
    const input = document.createElement('input');
    input.type = 'file';
    input.multiple = true;
    input.addEventListener('change', () => resolve([...(input.files ?? [])]));
    input.addEventListener('cancel', () => resolve([]));
    input.click();
  });
}

async function upload(file: File, url: URL): Promise<OfferedFile> {
  try {
    const answer = await fetch(url, { method: 'POST', body: file });
    const body: unknown = await answer.json();
    if (answer.ok) return { name: file.name, candidate: body as FileCandidate, error: null };
    const { code, detail } = body as { code: unknown; detail: unknown };
    const known = ERROR_CODES.find((each) => each === code) ?? 'internal';
    return { name: file.name, candidate: null, error: { code: known, detail: String(detail) } };
  } catch (thrown) {
    return { name: file.name, candidate: null, error: toCodedError(thrown, 'file.unreadable') };
  }
}
