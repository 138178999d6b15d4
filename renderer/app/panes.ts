import { tick } from 'svelte';
import type { App } from './app.svelte.ts';

/** the row of the list that has the keyboard, or would get it */
const LIST_STOP = 'nav button.row[tabindex="0"]';

/** Where the keyboard goes when a pane is asked for, closed or left. */
export class Panes {
  readonly #app: App;
  /** F6 came before the list did: the search field has the keyboard, and keeps it once the person does anything there */
  #listAwaited = false;

  constructor(app: App) {
    this.#app = app;
  }

  async focusFind(): Promise<void> {
    this.#uncoverList();
    await tick();
    const find = document.querySelector<HTMLInputElement>('[data-find]');
    find?.focus();
    find?.select();
  }

  /** The list is there. */
  listReady(): void {
    if (!this.#listAwaited) return;
    this.#listAwaited = false;
    const find = document.querySelector<HTMLInputElement>('nav [data-find]');
    if (find === document.activeElement && find?.value === '') focus(LIST_STOP);
  }

  /** F6: list, thread, composer, what waits, details where they are open, and round again. */
  next(step: 1 | -1): void {
    const stops = [
      `${LIST_STOP}, nav [data-find]`,
      '[data-pane="thread"]',
      '[data-pane="composer"]',
      '[data-pane="waiting"] input',
      '[data-pane="details"]',
    ]
      .map((selector) => [...document.querySelectorAll<HTMLElement>(selector)].findLast((each) => each.checkVisibility()))
      .filter((stop) => stop !== undefined);
    const inNav = document.activeElement?.closest('nav') != null;
    const at = inNav ? 0 : stops.findIndex((stop) => stop.contains(document.activeElement));
    const stop = stops.at((at + step + stops.length) % stops.length);
    stop?.focus();
    this.#listAwaited = !this.#app.conversations.ready && stop === stops[0];
  }

  async closeDetails(): Promise<void> {
    const key = this.#app.detailsKey;
    this.#app.details = null;
    await tick();
    if (key === null || !focus(`article[data-key="${CSS.escape(key)}"]`)) focus('[data-pane="thread"]');
  }

  async closePerson(): Promise<void> {
    this.#app.people.close();
    await tick();
    if (!focus('[data-pane="composer"]')) focus(LIST_STOP);
  }

  async closeFiles(): Promise<void> {
    this.#app.files.pane = null;
    await tick();
    focus('[data-pane="composer"], [data-pane="thread"]');
  }

  /** Escape: the innermost thing that is open goes. */
  async leave(): Promise<void> {
    const app = this.#app;
    if (app.thread?.selection.active) {
      app.thread.selection.end();
      focus('[data-pane="thread"]');
      return;
    }
    if (app.people.details !== null) return this.closePerson();
    if (app.details !== null) return this.closeDetails();
    if (app.files.pane !== null) return this.closeFiles();
    if (app.threadFind !== null) {
      app.closeThreadFind();
      return;
    }
    if (app.openedHit !== null) {
      await this.#backToResults(app.openedHit);
      return;
    }
    if (app.thread === null && app.waiting.isOpen) {
      app.waiting.close();
      await tick();
      if (!focus('[data-waiting]')) focus(LIST_STOP);
      return;
    }
    const id = app.thread?.conversationId;
    app.closeThread();
    await tick();
    focus(id === undefined ? 'nav button.row' : `nav [data-id="${id}"] button`);
  }

  /** The results are as they were; leaving again closes the thread. */
  async #backToResults(id: number): Promise<void> {
    this.#app.openedHit = null;
    this.#uncoverList();
    await tick();
    if (!focus(`nav [data-hit="${id}"] button`)) focus('[data-find]');
  }

  /** in one pane the list must be there before it can have the keyboard */
  #uncoverList(): void {
    if (window.matchMedia('(max-width: 44.99rem)').matches) this.#app.closeThread();
  }
}

/** @returns whether there is such a thing */
function focus(selector: string): boolean {
  const found = document.querySelector<HTMLElement>(selector);
  found?.focus();
  return found !== null;
}
