/** The app's own scheme: `parley://app/` is the page, `parley://preview/<transferId>` a picture of the page's own account. */
export const SCHEME = 'parley';
export const PAGE_HOST = 'app';
export const PREVIEW_HOST = 'preview';
export const PAGE_URL = `${SCHEME}://${PAGE_HOST}/`;

export function previewUrl(transferId: number): string {
  return `${SCHEME}://${PREVIEW_HOST}/${transferId}`;
}

export function isPageUrl(url: string): boolean {
  try {
    const { protocol, host } = new URL(url);
    return protocol === `${SCHEME}:` && host === PAGE_HOST;
  } catch {
    return false;
  }
}
