// What makes a zone, an arrow or a scale: the rules of `service/cameras/zones.py`, which a test holds
// this against. Imports nothing, so that the test can run it as it stands.

/** x and y as shares of the picture, origin top left. */
export type Corner = readonly [number, number];

/** A code of the service's refusals, and the values of its words. */
export interface Refused {
  code: string;
  params: Record<string, string | number>;
}

export const MOST_CORNERS = 64;
export const MOST_ZONES = 16;
export const SMALLEST_AREA_SHARE = 1e-4;
export const GRID = 2 ** 20;
export const SHORTEST_ARROW = 0.02;
export const WHOLE_PICTURE_ZONE = "all";
export const LONGEST_NAME = 128;

const TIMED: readonly string[] = ["road", "fire_lane", "gate"];

/** Whether it matters in a zone of this kind how long a vehicle stands. */
export function isTimed(kind: string): boolean {
  return TIMED.includes(kind);
}

export function zoneFault(corners: readonly Corner[]): Refused | null {
  if (corners.length < 3) return { code: "zone_few_corners", params: { corners: corners.length } };
  if (corners.length > MOST_CORNERS) return { code: "zone_many_corners", params: { most: MOST_CORNERS, corners: corners.length } };
  if (!corners.every((corner) => corner.every((one) => one >= 0 && one <= 1))) return { code: "zone_off_picture", params: {} };
  const points = corners.map(asWorkerSees);
  if (meetsItself(points)) return { code: "zone_crosses", params: {} };
  const area = areaOf(points);
  return area < SMALLEST_AREA_SHARE ? { code: "zone_small", params: { share: Number(area.toFixed(5)) } } : null;
}

export function directionFault(kind: string, start: Corner, end: Corner): Refused | null {
  if (kind !== "road") return { code: "direction_elsewhere", params: {} };
  const [[x0, y0], [x1, y1]] = [asWorkerSees(start), asWorkerSees(end)];
  const length = Math.fround(Math.hypot(Math.fround(x1 - x0), Math.fround(y1 - y0)));
  return length < Math.fround(SHORTEST_ARROW) ? { code: "direction_short", params: {} } : null;
}

export function permittedFault(kind: string): Refused | null {
  return isTimed(kind) ? null : { code: "permitted_elsewhere", params: {} };
}

export function scaleFault(foot: Corner, head: Corner): Refused | null {
  if (Math.hypot(head[0] - foot[0], head[1] - foot[1]) < SHORTEST_ARROW) return { code: "scale_short", params: {} };
  return head[1] >= foot[1] ? { code: "scale_turned", params: {} } : null;
}

/** What is wrong with the name of one of several zones. */
export function nameFault(name: string, all: readonly string[]): Refused | null {
  const meant = name.trim();
  if (meant === WHOLE_PICTURE_ZONE) return { code: "zone_name_reserved", params: { zone_id: WHOLE_PICTURE_ZONE } };
  return all.filter((one) => one.trim() === meant).length > 1 ? { code: "zone_name_twice", params: {} } : null;
}

export function areaOf(points: readonly Corner[]): number {
  return Math.abs(around(points).reduce((sum, [[x0, y0], [x1, y1]]) => sum + (x0 * y1 - x1 * y0), 0)) / 2;
}

// Workers compute with 32-bit shares: a side that crosses there must cross here.
function asWorkerSees([x, y]: Corner): Corner {
  return [Math.fround(x), Math.fround(y)];
}

function around<T>(points: readonly T[]): [T, T][] {
  return points.map((point, at) => [point, points[(at + 1) % points.length] as T]);
}

/** Whether two sides meet elsewhere than neighbours do: at the corner between them. */
function meetsItself(corners: readonly Corner[]): boolean {
  const marks = corners.map(([x, y]): Corner => [halfToEven(x * GRID), halfToEven(y * GRID)]);
  const sides = around(marks).filter(([a, b]) => a[0] !== b[0] || a[1] !== b[1]); // one clicked twice is one
  const last = sides.length - 1;
  if (around(sides).some(([[a, b], [, c]]) => turnsBack(a, b, c))) return true;
  return sides.some(([a, b], first) =>
    sides.some(([c, d], second) => second > first + 1 && !(first === 0 && second === last) && meet(a, b, c, d)),
  );
}

/** As Python rounds. */
function halfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

function turnsBack(a: Corner, b: Corner, c: Corner): boolean {
  const ahead = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1]);
  return side(a, b, c) === 0 && ahead < 0;
}

function meet(a: Corner, b: Corner, c: Corner, d: Corner): boolean {
  const near = ([0, 1] as const).every(
    (axis) => Math.min(a[axis], b[axis]) <= Math.max(c[axis], d[axis]) && Math.min(c[axis], d[axis]) <= Math.max(a[axis], b[axis]),
  );
  return near && side(a, b, c) * side(a, b, d) <= 0 && side(c, d, a) * side(c, d, b) <= 0;
}

/** Its sign: the values themselves would, multiplied, not be exact. */
function side(p: Corner, q: Corner, r: Corner): number {
  return Math.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]));
}
