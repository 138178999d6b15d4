import type { Selection } from './selection.svelte.ts';

/** While messages are being selected a click anywhere on one selects it. */
export function selectByClick(event: MouseEvent, selection: Selection): void {
  const target = event.target as HTMLElement;
  if (!selection.active || target.closest('button, a, input, summary') !== null) return;
  const key = target.closest('article')?.dataset['key'];
  if (key !== undefined) selection.toggle(key);
}

/** So does the space bar. @returns whether the key was meant so */
export function selectByKey(event: KeyboardEvent, selection: Selection): boolean {
  const key = (event.target as HTMLElement).dataset['key'];
  if (event.key !== ' ' || !selection.active || key === undefined) return false;
  event.preventDefault();
  selection.toggle(key);
  return true;
}
