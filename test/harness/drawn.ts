import type { Page } from 'playwright-core';

/** What a browser can encode: of a noisy picture, which compresses worst; `clear` is a PNG that is see-through, `film` a WebM of a second. */
export type Drawn = 'image/png' | 'image/jpeg' | 'image/webp' | 'clear' | 'film';

/** 1600 × 1000, made by the browser's own encoders. */
export async function drawnBy(page: Page, kind: Drawn): Promise<Buffer> {
  const base64 = await page.evaluate(async (what) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [1600, 1000];
    const context = canvas.getContext('2d') as CanvasRenderingContext2D;
    if (what === 'clear') {
      context.fillStyle = '#2a7';
      context.beginPath();
      context.arc(800, 500, 400, 0, 7);
      context.fill();
    } else {
      for (let at = 0; at < 20_000; at++) {
        context.fillStyle = `hsl(${(at * 7919) % 360} 80% ${20 + (at % 60)}%)`;
        context.fillRect((at * 131) % 1600, (at * 373) % 1000, 40, 40);
      }
    }
    let blob: Blob;
    if (what === 'film') {
      const pieces: Blob[] = [];
      const recorder = new MediaRecorder(canvas.captureStream(10), { mimeType: 'video/webm' });
      let octets = 0;
      recorder.ondataavailable = ({ data }) => {
        pieces.push(data);
        octets += data.size;
      };
      recorder.start(100);
      // a busy machine records few frames of a second
      for (let frame = 0; frame < 10 || (octets < 20_000 && frame < 150); frame++) {
        context.fillRect((frame * 50) % 1600, 0, 50, 50);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await new Promise((resolve) => {
        recorder.onstop = resolve;
        recorder.stop();
      });
      blob = new Blob(pieces);
    } else {
      const type = what === 'clear' ? 'image/png' : what;
      blob = await new Promise<Blob>((resolve) => canvas.toBlob((made) => resolve(made as Blob), type, 0.9));
    }
    let text = '';
    for (const octet of new Uint8Array(await blob.arrayBuffer())) text += String.fromCharCode(octet);
    return btoa(text);
  }, kind);
  return Buffer.from(base64, 'base64');
}
