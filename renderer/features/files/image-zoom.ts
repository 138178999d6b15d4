/** How an image stands in the viewer: its scale (1 is a pixel for a pixel), and how far its middle is from the middle of the stage, px. */
export interface Zoom {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export interface Extent {
  readonly width: number;
  readonly height: number;
}

export interface Offset {
  readonly x: number;
  readonly y: number;
}

const LARGEST = 8;
/** one step of a key or a button */
export const ZOOM_STEP = 1.25;

/** All of it within the stage, and never larger than it is. */
export function fitted(image: Extent, stage: Extent): Zoom {
  const scale = Math.min(1, stage.width / Math.max(1, image.width), stage.height / Math.max(1, image.height));
  return { scale, x: 0, y: 0 };
}

/** @param at what stays where it is, px from the middle of the stage */
export function zoomed(zoom: Zoom, factor: number, image: Extent, stage: Extent, at: Offset = { x: 0, y: 0 }): Zoom {
  const scale = Math.min(LARGEST, Math.max(fitted(image, stage).scale, zoom.scale * factor));
  const grown = scale / zoom.scale;
  return moved({ scale, x: at.x - (at.x - zoom.x) * grown, y: at.y - (at.y - zoom.y) * grown }, { x: 0, y: 0 }, image, stage);
}

/** Never further than its edges reach: what fits stays in the middle. */
export function moved(zoom: Zoom, by: Offset, image: Extent, stage: Extent): Zoom {
  const { scale } = zoom;
  return {
    scale,
    x: within(zoom.x + by.x, image.width * scale, stage.width),
    y: within(zoom.y + by.y, image.height * scale, stage.height),
  };
}

function within(offset: number, length: number, room: number): number {
  const most = Math.max(0, (length - room) / 2);
  return Math.min(most, Math.max(-most, offset));
}
