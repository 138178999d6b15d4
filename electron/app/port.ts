import type { Clock } from '../../shared/base/clock.ts';
import type { ClientHandlers, EventName, EventPayload, FileCandidate, Handlers } from '../../shared/ipc/contract.ts';
import type { Account } from '../../shared/model/account.ts';
import type { Network } from '../services/network.ts';
import type { PictureOf, ServedPicture } from './preview.ts';

/** What a host (Electron, or headless) gives to a client core. */
export interface ClientPorts {
  readonly account: Account;
  /** absolute folders; made when missing. `data` holds the store, partial files and the quarantine */
  readonly paths: { readonly data: string; readonly downloads: string };
  readonly host: HostActions;
  readonly network: Network;
  readonly store: StoreRuntime;
  readonly version: string;
  /** as Node's process.platform */
  readonly platform: string;
  /** people on the embedded home network that can be written to at once */
  readonly neighbours: readonly { readonly address: string; readonly displayName: string }[];
  readonly clock: Clock;
  /** how long the dialog of a file transfer stays after its last file, for the next one; 30 s when left out */
  readonly fileLingerMs?: number | undefined;
  /** unread messages, but for requests and what is muted or blocked: soon after the start, and when there are more or fewer */
  readonly unreadChanged?: ((unread: number) => void) | undefined;
  /** one line for the log; never message content, never credentials */
  readonly log?: ((line: string) => void) | undefined;
  /** every SIP message, as octets on the wire; for diagnostics */
  readonly sipTap?: ((direction: 'in' | 'out', octets: Uint8Array) => void) | undefined;
}

export interface HostActions {
  /** the host's file dialog: absolute paths, empty when closed */
  chooseFiles(): Promise<readonly string[]>;
  /** the host's folder dialog, beginning at a folder: an absolute path, null when closed; a host that has none rejects with `request.invalid` */
  chooseFolder(from: string): Promise<string | null>;
  /** opens a finished file with the system's program for it; a host that has none rejects with `request.invalid` */
  openPath(path: string): Promise<void>;
  showInFolder(path: string): Promise<void>;
  /**
   * Asks where, and copies the file there; false when the dialog was closed. A host that has no dialog rejects with `request.invalid`.
   * @throws ParleyError `file.disk-full`, `file.unwritable`, `file.missing`
   */
  saveCopy(path: string): Promise<boolean>;
  /** the scheme has been checked */
  openUrl(url: string): Promise<void>;
  /** notifications; a host without a desktop has none */
  readonly desktop?: Desktop | undefined;
}

/** What a host shows outside of its windows. */
export interface Desktop {
  /** the account's window has the keyboard */
  isFocused(): boolean;
  /** one notification a conversation; @param onPick the person picked it, and the window is in front */
  show(announcement: { readonly conversationId: number; readonly title: string; readonly body: string }, onPick: () => void): void;
  withdraw(conversationId: number): void;
}

/** How the store's worker starts in this runtime. */
export interface StoreRuntime {
  /** file URL or absolute path of the worker's module */
  readonly worker: URL;
  /** a better-sqlite3 addon built for this runtime, where the package's own does not load in it */
  readonly nativeBinding: string | null;
}

/** One account at work: the store, the SIP agent, MSRP, and the services over them. */
export interface Client {
  readonly handlers: ClientHandlers;
  /** @returns a function that ends the subscription */
  subscribe(listener: ContractListener): () => void;
  /**
   * Makes a file known that the person picked outside of the contract (dropped, pasted, uploaded). Only a host calls it.
   * @throws ParleyError `file.missing`, `file.is-folder`, `file.unreadable`, `file.too-large`
   */
  offerFile(path: string): Promise<FileCandidate>;
  /** a picture with its media type as its first octets have it; null where there is none to show */
  picture(of: PictureOf): Promise<ServedPicture | null>;
  /** opens the store and begins to register; resolves when the store is ready, not when registered */
  start(): Promise<void>;
  /** ends the binding, sessions and the store, in that order, within 5 s */
  stop(): Promise<void>;
}

/**
 * One account as a host serves it to its pages. It stays while the client behind it is replaced, and when there is none; one without an
 * account is where somebody adds the first.
 */
export interface HostedAccount extends Pick<Client, 'subscribe' | 'offerFile' | 'picture'> {
  /** stands in URLs and folder names: `alice` */
  readonly name: string;
  readonly account: Pick<Account, 'address' | 'displayName' | 'maxFileSize'>;
  readonly paths: ClientPorts['paths'];
  /** all of the contract, as a page of this account is answered */
  readonly handlers: Handlers;
}

export type ContractListener = <E extends EventName>(event: E, payload: EventPayload<E>) => void;
