import type { Tone } from './link-dot.ts';

export interface MenuItem {
  readonly id: string;
  readonly text: string;
  /** it takes something away */
  readonly danger?: boolean;
  /** one of several of which one is chosen */
  readonly checked?: boolean;
  /** in place of an icon */
  readonly tone?: Tone;
  /** more about it, quieter */
  readonly note?: string;
  /** it begins another group */
  readonly apart?: boolean;
}

/** px from the window's top left corner */
export interface Place {
  readonly x: number;
  readonly y: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** px that a menu keeps from the window's edges */
const MARGIN = 8;

/** Below and right of `at`, but always within the window; above where there is no room below. */
export function placeMenu(at: Place, menu: Size, window: Size): { left: number; top: number } {
  const fits = at.y + menu.height + MARGIN <= window.height;
  const top = fits ? at.y : at.y - menu.height;
  return { left: within(at.x, menu.width, window.width), top: within(top, menu.height, window.height) };
}

function within(start: number, length: number, room: number): number {
  return Math.max(MARGIN, Math.min(start, room - length - MARGIN));
}

/** Where a key leads in a menu of `count` items; null for a key that leads nowhere. */
export function stepInMenu(key: string, at: number, count: number): number | null {
  switch (key) {
    case 'ArrowDown':
      return (at + 1) % count;
    case 'ArrowUp':
      return at <= 0 ? count - 1 : at - 1;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}
