/** The app's own scheme: `parley://app/` is the page, `parley://preview/…` a picture of the page's own account. */
export const SCHEME = 'parley';
export const PAGE_HOST = 'app';
export const PREVIEW_HOST = 'preview';
export const PAGE_URL = `${SCHEME}://${PAGE_HOST}/`;

/** @param picture as in `HEADLESS_PATHS`, which are the same below another address */
export function previewUrl(picture: string): string {
  return `${SCHEME}://${PREVIEW_HOST}/${picture}`;
}

export function isPageUrl(url: string): boolean {
  try {
    const { protocol, host } = new URL(url);
    return protocol === `${SCHEME}:` && host === PAGE_HOST;
  } catch {
    return false;
  }
}
