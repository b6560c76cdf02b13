// Where a point goes that is held near a corner, a side or the picture's edge. Distances are pixels
// of the screen: a hand's slip is as large on a wide picture as on a narrow one.
import type { Corner } from "./geometry";

export interface Snapped {
  at: Corner;
  /** What held it, to be shown: a point or a side. */
  to: "corner" | "side" | "edge" | null;
}

type Side = readonly [Corner, Corner];

/** `reach_px` of the screen; `size_px` is the picture's on the screen. */
export function snapped(given: Corner, shapes: readonly (readonly Corner[])[], size_px: Corner, reach_px: number): Snapped {
  const away = (to: Corner) => Math.hypot((to[0] - given[0]) * size_px[0], (to[1] - given[1]) * size_px[1]);
  const nearest = (found: Corner[]) => found.filter((one) => away(one) <= reach_px).sort((a, b) => away(a) - away(b))[0];
  const corner = nearest([...shapes.flat(), [0, 0], [1, 0], [1, 1], [0, 1]]);
  if (corner) return { at: corner, to: "corner" };
  const onSide = nearest(shapes.flatMap((shape) => sidesOf(shape).map((one) => nearestOn(one, given, size_px))));
  if (onSide) return { at: toEdges(rounded(onSide), size_px, reach_px), to: "side" };
  const edged = toEdges(given, size_px, reach_px);
  return { at: edged, to: edged[0] === given[0] && edged[1] === given[1] ? null : "edge" };
}

/** Kept on the picture, to a ten-thousandth of it: a fifth of a pixel of a wide one. */
export function rounded([x, y]: Corner): Corner {
  return [share(x), share(y)];
}

/** Moved all together as far as the picture goes. */
export function moved(points: readonly Corner[], by: Corner): Corner[] {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const dx = Math.min(Math.max(by[0], -Math.min(...xs)), 1 - Math.max(...xs));
  const dy = Math.min(Math.max(by[1], -Math.min(...ys)), 1 - Math.max(...ys));
  return points.map(([x, y]) => rounded([x + dx, y + dy]));
}

function share(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * 1e4) / 1e4;
}

function sidesOf(shape: readonly Corner[]): Side[] {
  return shape.map((corner, at) => [corner, shape[(at + 1) % shape.length] as Corner]);
}

function nearestOn([a, b]: Side, given: Corner, [width, height]: Corner): Corner {
  const [dx, dy] = [(b[0] - a[0]) * width, (b[1] - a[1]) * height];
  const along = ((given[0] - a[0]) * width * dx + (given[1] - a[1]) * height * dy) / (dx * dx + dy * dy || 1);
  const part = Math.min(1, Math.max(0, along));
  return [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part];
}

function toEdges([x, y]: Corner, [width, height]: Corner, reach_px: number): Corner {
  const near = (value: number, length: number) => (value * length <= reach_px ? 0 : (1 - value) * length <= reach_px ? 1 : value);
  return [near(x, width), near(y, height)];
}
