import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as v from 'valibot';

export interface Bounds {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface WindowState extends Bounds {
  readonly maximized: boolean;
  /** it was there when the app ended */
  readonly open: boolean;
}

export const MIN_SIZE = { width: 640, height: 480 } as const;
const DEFAULT_SIZE = { width: 1080, height: 760 } as const;

const pixels = v.pipe(v.number(), v.integer(), v.minValue(-100_000), v.maxValue(100_000));
const stored = v.object({
  x: pixels,
  y: pixels,
  width: pixels,
  height: pixels,
  maximized: v.boolean(),
  open: v.optional(v.boolean(), true),
});

/** @returns null where none was kept or it cannot be read */
export function readWindowState(path: string): WindowState | null {
  try {
    const parsed = v.safeParse(stored, JSON.parse(readFileSync(path, 'utf8')));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}

/** @throws what the file system throws */
export function writeWindowState(path: string, state: WindowState): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(state));
}

/** The `index`th of `count` windows, side by side on the work area; they overlap where it is too narrow. */
export function placeBeside(workArea: Bounds, index: number, count: number): Bounds {
  const width = Math.min(workArea.width, Math.max(MIN_SIZE.width, Math.min(DEFAULT_SIZE.width, Math.floor(workArea.width / count))));
  const height = Math.min(workArea.height, DEFAULT_SIZE.height);
  const gap = Math.max(0, Math.floor((workArea.width - width * count) / 2));
  const x = workArea.x + Math.min(gap + index * width, workArea.width - width);
  return { x, y: workArea.y + Math.floor((workArea.height - height) / 2), width, height };
}

/** Moves and shrinks a window that was on a display which is gone, or is smaller now, into `workArea`. */
export function fitInto(workArea: Bounds, bounds: Bounds): Bounds {
  const width = Math.max(MIN_SIZE.width, Math.min(bounds.width, workArea.width));
  const height = Math.max(MIN_SIZE.height, Math.min(bounds.height, workArea.height));
  const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(value, Math.max(low, high)));
  return {
    x: clamp(bounds.x, workArea.x, workArea.x + workArea.width - width),
    y: clamp(bounds.y, workArea.y, workArea.y + workArea.height - height),
    width,
    height,
  };
}
