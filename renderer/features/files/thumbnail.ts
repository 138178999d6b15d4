/**
 * Thumbnails of what a person picked. They are made here and not in the core because a decoder of pictures is what hostile files aim at, and
 * this page is the sandbox.
 */

/** octets (cpm.md section 10.3) */
export const MAX_THUMBNAIL = 10 * 1024;
/** pixels of the longer side */
const LONGEST = 160;
/** a film that is not seen by then has no thumbnail, ms; a picture gets as long */
const PATIENCE = 10_000;
/** how far into a film: many begin with black, seconds */
const INTO_FILM = 1;
const QUALITIES = [0.82, 0.7, 0.55, 0.4, 0.25];
const SMALLER = 0.7;

interface Source {
  readonly element: CanvasImageSource;
  readonly width: number;
  readonly height: number;
}

/**
 * @param url of this page's own host
 * @param type media type as the file's name has it; the octets decide
 * @returns a JPEG, or a PNG where it is see-through and small, of {@link MAX_THUMBNAIL} octets at most; null for what is no picture
 */
export async function makeThumbnail(url: string, type: string): Promise<Blob | null> {
  const drop = new AbortController();
  const timer = setTimeout(() => drop.abort(), PATIENCE);
  try {
    const source = type.startsWith('video/') ? frameOf(url, drop.signal) : pictureOf(url, drop.signal);
    return await Promise.race([source.then(encode), dropped(drop.signal)]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    drop.abort();
  }
}

function dropped(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }));
}

/** Decoded beside the page's own thread, its first frame, the way up that the camera noted. */
async function pictureOf(url: string, signal: AbortSignal): Promise<Source> {
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const bitmap = await createImageBitmap(await answer.blob());
  signal.addEventListener('abort', () => bitmap.close(), { once: true });
  return { element: bitmap, width: bitmap.width, height: bitmap.height };
}

function frameOf(url: string, signal: AbortSignal): Promise<Source> {
  return new Promise((resolve, reject) => {
    const film = document.createElement('video');
    film.crossOrigin = 'anonymous';
    film.muted = true;
    film.preload = 'auto';
    const take = () => resolve({ element: film, width: film.videoWidth, height: film.videoHeight });
    film.onloadeddata = () => {
      // one whose length is not known has no index to seek by
      const into = Number.isFinite(film.duration) ? Math.min(INTO_FILM, film.duration / 2) : 0;
      if (into === 0) return take();
      film.onseeked = take;
      film.currentTime = into;
    };
    film.onerror = reject;
    signal.addEventListener(
      'abort',
      () => {
        reject(signal.reason);
        film.removeAttribute('src');
        film.load();
      },
      { once: true },
    );
    film.src = url;
  });
}

/** What was drawn carries nothing of what stood in the file beside the picture: place, camera, comments. */
async function encode({ element, width, height }: Source): Promise<Blob | null> {
  if (width === 0 || height === 0) return null;
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) return null;
  for (let longest = Math.min(LONGEST, Math.max(width, height)); longest >= 1; longest = Math.floor(longest * SMALLER)) {
    const scale = longest / Math.max(width, height);
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    context.imageSmoothingQuality = 'high';
    context.drawImage(element, 0, 0, canvas.width, canvas.height);
    if (isSeeThrough(context.getImageData(0, 0, canvas.width, canvas.height))) {
      const png = await blobOf(canvas, 'image/png');
      if (png !== null && png.size <= MAX_THUMBNAIL) return png;
      // a JPEG would have black there
      context.globalCompositeOperation = 'destination-over';
      context.fillStyle = '#fff';
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.globalCompositeOperation = 'source-over';
    }
    for (const quality of QUALITIES) {
      const jpeg = await blobOf(canvas, 'image/jpeg', quality);
      if (jpeg !== null && jpeg.size <= MAX_THUMBNAIL) return jpeg;
    }
  }
  return null;
}

function isSeeThrough({ data }: ImageData): boolean {
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return true;
  return false;
}

function blobOf(canvas: HTMLCanvasElement, type: string, quality?: number): Promise<Blob | null> {
  return new Promise((resolve) => canvas.toBlob(resolve, type, quality));
}
