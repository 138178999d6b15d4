import type { Channel } from '../../shared/ipc/wire.ts';

/** Two ends of one channel in memory; texts arrive in a later microtask, in order. */
export function memoryChannels(): { page: Channel; core: Channel; close: () => void } {
  const page = new End();
  const core = new End();
  page.other = core;
  core.other = page;
  return {
    page,
    core,
    close: () => {
      page.end();
      core.end();
    },
  };
}

class End implements Channel {
  other: End | null = null;
  #open = true;
  readonly #texts = new Set<(text: string) => void>();
  readonly #closes = new Set<() => void>();

  send(text: string): void {
    queueMicrotask(() => this.other?.receive(text));
  }

  receive(text: string): void {
    if (this.#open) for (const listener of [...this.#texts]) listener(text);
  }

  onText(listener: (text: string) => void): () => void {
    this.#texts.add(listener);
    return () => this.#texts.delete(listener);
  }

  onClose(listener: () => void): () => void {
    if (!this.#open) listener();
    this.#closes.add(listener);
    return () => this.#closes.delete(listener);
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const listener of [...this.#closes]) listener();
  }
}
