import type { EventName, EventPayload, MethodName, OfferedFile, Params, Result } from '../../shared/ipc/contract.ts';

/** The page's one way to its client core, whatever hosts the page. */
export interface Bridge {
  /** @throws ParleyError with the core's code, or `contract.closed` when the host went away before it answered */
  call<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>>;
  /** @returns a function that removes the listener; listeners survive a reconnection */
  on<E extends EventName>(event: E, listener: (payload: EventPayload<E>) => void): () => void;
  /** whether the page reaches its core: told on each change, not at once */
  onLink(listener: (up: boolean) => void): () => void;
  /** opens a file dialog, the host's or the browser's; empty when the person closed it */
  chooseFiles(): Promise<readonly OfferedFile[]>;
  /** makes pasted or dropped files known to the core; one answer a file, in their order; never rejects */
  offerFiles(files: readonly File[]): Promise<OfferedFile[]>;
  /** opens a web, mail or telephone link outside of the page */
  openLink(url: string): Promise<void>;
  /** address of a picture that the host serves, named by one of `PICTURES` */
  pictureUrl(picture: string): string;
  /** where this host hands out a finished file itself, in place of `transfers.open` and of a folder to show it in */
  readonly savedUrl: ((transferId: number) => string) | null;
  /** decides the name of the command key */
  readonly apple: boolean;
}
