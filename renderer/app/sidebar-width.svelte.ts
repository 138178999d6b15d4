import type { Remembered } from './last-conversation.ts';

/** px */
export const NARROWEST = 240;
export const WIDEST = 420;
const USUAL = 296;
const STEP = 16;
const KEY = 'sidebar-width';

/** The width of the conversation list, in px: dragged, or moved by the arrow keys, and remembered. */
export class SidebarWidth {
  #value = $state(USUAL);
  readonly #storage: Remembered;

  constructor(storage: Remembered) {
    this.#storage = storage;
    const remembered = Number(storage.getItem(KEY) ?? USUAL);
    this.#value = clamp(Number.isFinite(remembered) ? remembered : USUAL);
  }

  get value(): number {
    return this.#value;
  }

  reset(): void {
    this.#set(USUAL);
  }

  onKey(event: KeyboardEvent): void {
    const forward = document.dir === 'rtl' ? -STEP : STEP;
    const to = { ArrowRight: this.#value + forward, ArrowLeft: this.#value - forward, Home: NARROWEST, End: WIDEST }[event.key];
    if (to === undefined || event.altKey) return;
    event.preventDefault();
    this.#set(to);
  }

  start(event: PointerEvent): void {
    if (event.button !== 0) return;
    event.preventDefault();
    const handle = event.currentTarget as HTMLElement;
    const from = event.clientX;
    const before = this.#value;
    const sign = document.dir === 'rtl' ? -1 : 1;
    handle.setPointerCapture(event.pointerId);
    const onMove = (move: PointerEvent): void => {
      this.#value = clamp(before + sign * (move.clientX - from));
    };
    handle.addEventListener('pointermove', onMove);
    handle.addEventListener(
      'lostpointercapture',
      () => {
        handle.removeEventListener('pointermove', onMove);
        this.#set(this.#value);
      },
      { once: true },
    );
  }

  #set(value: number): void {
    this.#value = clamp(value);
    this.#storage.setItem(KEY, String(this.#value));
  }
}

function clamp(value: number): number {
  return Math.round(Math.min(WIDEST, Math.max(NARROWEST, value)));
}
