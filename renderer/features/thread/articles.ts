/** The message of that row, where it is mounted. */
export function articleOf(scroller: HTMLElement | null, key: string): HTMLElement | null {
  return scroller?.querySelector<HTMLElement>(`article[data-key="${CSS.escape(key)}"]`) ?? null;
}

/** The message at the lower edge of what is on screen. */
export function lowestArticle(scroller: HTMLElement | null): HTMLElement | undefined {
  const edge = scroller?.getBoundingClientRect().bottom ?? 0;
  return [...(scroller?.querySelectorAll<HTMLElement>('article') ?? [])].findLast((each) => each.getBoundingClientRect().top < edge - 8);
}
