/** A typed set of listeners for one kind of event. A listener that throws does not keep the others from being called. */
export class Emitter<T> {
  readonly #listeners = new Set<(event: T) => void>();

  /** @returns a function that removes the listener */
  on(listener: (event: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** For what is one listener's alone: the first of them. @returns false when there is none */
  first(event: T): boolean {
    const [listener] = this.#listeners;
    listener?.(event);
    return listener !== undefined;
  }

  emit(event: T): void {
    let failure: unknown;
    let failed = false;
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (thrown) {
        failure = thrown;
        failed = true;
      }
    }
    if (failed) throw failure;
  }
}
