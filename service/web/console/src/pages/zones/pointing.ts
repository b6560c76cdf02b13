// Mouse, pen and finger on the picture, and the keys that do the same.
import { ref, shallowRef } from "vue";
import type { Zone } from "./drawing";
import { type Chosen, type Editor, GESTURE, type Grip } from "./editor";
import { type Corner, areaOf } from "./geometry";
import { type Snapped, rounded, snapped } from "./snapping";

export interface Surface {
  /** Where an event is, as shares of the picture. */
  share(event: PointerEvent): Corner;
  /** How large the picture is on the screen. */
  size_px(): Corner;
}

const STEP = 0.005;
const LARGE_STEP = 0.05;
const SNAP_PX = 8;
const REACH_PX = { mouse: 10, finger: 24 };
const STILL_PX = 4; // a hand that moves less has not moved
const FINGER_STILL_PX = 10;
const HOLD_MS = 150; // a finger that moves on sooner scrolls the page
const LONGEST_SIDE_WITHOUT_PX = 44; // a shorter side has no room for a middle
const ARROWS: Record<string, Corner> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

type Held =
  | { what: "corner"; id: number }
  | { what: "grip"; id: number; grip: Grip; off: Corner; mark: string }
  | { what: "body"; id: number; from: Zone; start: Corner; mark: string; moved: boolean }
  | { what: "aim"; id: number; start: Corner; begins: boolean }
  | { what: "wait"; id: number; start: Corner; timer: number }
  | { what: "tap"; id: number; start: Corner };

let gestures = 0;

export function usePointing(editor: Editor, surface: Surface) {
  /** Where the next corner would come to lie, and what holds it there. */
  const pending = shallowRef<Snapped | null>(null);
  /** What a finger covers is shown beside it. */
  const covered = shallowRef<Corner | null>(null);
  const holding = ref(false);
  let held: Held | null = null;
  /** What a finger touched last: it need not stay on that once more to take hold of it. */
  let touched: { of: Chosen; grip: Grip } | null = null;
  let before = editor.now.value;

  const apart_px = (a: Corner, b: Corner) => Math.hypot((a[0] - b[0]) * surface.size_px()[0], (a[1] - b[1]) * surface.size_px()[1]);
  const reachOf = (event: PointerEvent) => (event.pointerType === "mouse" ? REACH_PX.mouse : REACH_PX.finger);

  function heldTo(given: Corner, event: { altKey: boolean }, others: Zone[]): Snapped {
    const inside = rounded(given);
    if (event.altKey) return { at: inside, to: null };
    return snapped(inside, others.map((one) => one.polygon), surface.size_px(), SNAP_PX);
  }

  function others(): Zone[] {
    return editor.now.value.zones.filter((one) => one.key !== editor.chosen.value);
  }

  function down(event: PointerEvent): void {
    if (event.button || held) return;
    before = editor.now.value;
    held = begun(surface.share(event), event);
    touched = null;
    holding.value = true;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    move(event);
  }

  function begun(at: Corner, event: PointerEvent): Held {
    const id = event.pointerId;
    if (editor.aimed.value) {
      const begins = !editor.aimed.value.from;
      if (begins) editor.aim(at);
      return { what: "aim", id, start: at, begins };
    }
    if (editor.drawn.value) return { what: "corner", id };
    const again = touched?.of === editor.chosen.value && gripNear(at, reachOf(event)) === touched?.grip;
    if (event.pointerType !== "touch" || again) return taken(at, event);
    return { what: "wait", id, start: at, timer: window.setTimeout(() => takeHold(at, event), HOLD_MS) };
  }

  function takeHold(at: Corner, event: PointerEvent): void {
    held = taken(at, event);
    if (held.what === "grip") covered.value = at;
  }

  /** A finger that came and went: at a grip that is chosen, elsewhere what lies there. */
  function tapped(at: Corner, event: PointerEvent): void {
    const near = gripNear(at, reachOf(event)) ?? middleNear(at, reachOf(event));
    if (near === null) return editor.choose(under(at, reachOf(event)));
    editor.grip.value = near;
    touched = { of: editor.chosen.value, grip: near };
  }

  /** What is under the pointer: a grip of what is chosen, the middle of a side, the zone itself. */
  function taken(at: Corner, event: PointerEvent): Held {
    const [id, reach, mark] = [event.pointerId, reachOf(event), `${GESTURE}-${++gestures}`];
    const near = gripNear(at, reach) ?? middleNear(at, reach, mark);
    if (near !== null) {
      editor.grip.value = near;
      const from = editor.at(near) ?? at;
      return { what: "grip", id, grip: near, off: [at[0] - from[0], at[1] - from[1]], mark };
    }
    const { value } = editor.zone;
    if (value && holds(value.polygon, at)) return { what: "body", id, from: value, start: at, mark, moved: false };
    return { what: "tap", id, start: at };
  }

  function gripNear(at: Corner, reach_px: number): Grip | null {
    const near = grips(editor).map((one) => ({ one, away: apart_px(editor.at(one) ?? [9, 9], at) }));
    return near.filter(({ away }) => away <= reach_px).sort((a, b) => a.away - b.away)[0]?.one ?? null;
  }

  function middleNear(at: Corner, reach_px: number, mark = ""): Grip | null {
    const middle = middles(editor, apart_px).find(({ where }) => apart_px(where, at) <= reach_px);
    return middle ? editor.insertAfter(middle.after, middle.where, mark) : null;
  }

  function move(event: PointerEvent): void {
    const at = surface.share(event);
    if (!held && editor.drawn.value) pending.value = heldTo(at, event, others());
    if (editor.aimed.value) pending.value = { at: rounded(at), to: null };
    if (!held || held.id !== event.pointerId) return;
    if (held.what === "wait" && apart_px(held.start, at) > FINGER_STILL_PX) return release(false);
    if (held.what === "corner") pending.value = heldTo(at, event, others());
    else if (held.what === "grip") pull(held, at, event);
    else if (held.what === "body") push(held, at);
    const covers = event.pointerType !== "mouse" && ["corner", "grip", "aim"].includes(held.what);
    covered.value = covers ? (pending.value?.at ?? at) : null;
  }

  function pull(one: Held & { what: "grip" }, at: Corner, event: PointerEvent): void {
    const meant: Corner = [at[0] - one.off[0], at[1] - one.off[1]];
    const from = editor.at(one.grip);
    if (from && apart_px(from, meant) < 0.5) return;
    pending.value = typeof one.grip === "number" ? heldTo(meant, event, others()) : { at: rounded(meant), to: null };
    editor.move(one.grip, pending.value.at, one.mark);
  }

  function push(one: Held & { what: "body" }, at: Corner): void {
    if (!one.moved && apart_px(one.start, at) < STILL_PX) return;
    one.moved = true;
    editor.moveAll(one.from, [at[0] - one.start[0], at[1] - one.start[1]], one.mark);
  }

  /** What is held doesn't move the page; the browser heeds no touch-action inside an SVG. */
  function touch(event: TouchEvent): void {
    if (held && held.what !== "tap" && held.what !== "wait" && event.cancelable) event.preventDefault();
  }

  function up(event: PointerEvent): void {
    if (!held || held.id !== event.pointerId) return;
    const [one, at] = [held, surface.share(event)];
    if (one.what === "corner" && pending.value) place(pending.value.at, reachOf(event));
    if (one.what === "wait") tapped(one.start, event);
    if (one.what === "aim" && (!one.begins || apart_px(one.start, at) > FINGER_STILL_PX)) editor.aim(at);
    if (one.what === "tap" && apart_px(one.start, at) < STILL_PX * 2) editor.choose(under(at, reachOf(event)));
    if (one.what === "body" && !one.moved) editor.choose(under(at, reachOf(event)));
    release(event.pointerType === "mouse");
  }

  function release(keeps: boolean): void {
    if (held?.what === "wait") clearTimeout(held.timer);
    held = null;
    holding.value = false;
    covered.value = null;
    if (!keeps || !(editor.drawn.value || editor.aimed.value)) pending.value = null;
  }

  /** A corner here; at the first or, once more, at the last one the zone is whole. */
  function place(at: Corner, reach_px: number): void {
    const corners = editor.drawn.value?.corners ?? [];
    const [first, last] = [corners[0], corners.at(-1)];
    const again = last && apart_px(last, at) <= STILL_PX;
    if (corners.length >= 3 && first && (again || apart_px(first, at) <= reach_px)) editor.finish();
    else if (!again) editor.addCorner(at);
  }

  /** The smallest zone there, or the scale. */
  function under(at: Corner, reach_px: number): number | "water" | null {
    const { water, zones } = editor.now.value;
    if (water && onLine(water.foot, water.head, at, reach_px)) return "water";
    const found = zones.filter((one) => holds(one.polygon, at)).sort((a, b) => areaOf(a.polygon) - areaOf(b.polygon));
    return found[0]?.key ?? null;
  }

  function onLine(a: Corner, b: Corner, at: Corner, reach_px: number): boolean {
    return snapped(at, [[a, b]], surface.size_px(), reach_px).to !== null && apart_px(a, at) + apart_px(b, at) < apart_px(a, b) + reach_px * 2;
  }

  function cancel(): void {
    if (editor.now.value !== before) editor.undo();
    else if (held?.what === "aim" && held.begins) editor.takeBack();
    release(false);
  }

  // ---- keys

  function moveKey(event: KeyboardEvent): Corner | null {
    const way = ARROWS[event.key];
    if (!way) return null;
    event.preventDefault();
    const step = event.shiftKey ? LARGE_STEP : STEP;
    return [way[0] * step, way[1] * step];
  }

  /** While a zone or an arrow is drawn: a cross that the arrows move, and Enter sets a point there. */
  function drawKey(event: KeyboardEvent): void {
    const { drawn, aimed } = editor;
    if (!drawn.value && !aimed.value) return;
    const from = pending.value?.at ?? aimed.value?.from ?? drawn.value?.corners.at(-1) ?? middleOf(editor.zone.value?.polygon);
    const by = moveKey(event);
    if (by) pending.value = { at: rounded([from[0] + by[0], from[1] + by[1]]), to: null };
    else if (event.key === "Enter") aimed.value ? editor.aim(from) : place(from, STILL_PX);
    else if (event.key === "Backspace" || event.key === "Delete") editor.takeBack();
    else return;
    event.preventDefault();
    if (event.key === "Enter" && !drawn.value && !aimed.value) pending.value = null;
    else pending.value ??= { at: from, to: null };
  }

  function gripKey(event: KeyboardEvent, grip: Grip): void {
    const [from, by] = [editor.at(grip), moveKey(event)];
    editor.grip.value = grip;
    if (by && from) return editor.move(grip, [from[0] + by[0], from[1] + by[1]], `keys-${grip}`);
    if (event.key === "Enter" && typeof grip === "number") editor.insertAfter(grip);
    else if (event.key === "Backspace" || event.key === "Delete") editor.removeGrip();
    else return;
    event.preventDefault();
  }

  function bodyKey(event: KeyboardEvent): void {
    const [{ value }, by] = [editor.zone, moveKey(event)];
    if (value && by) return editor.moveAll(value, by, "keys-all");
    if (event.key !== "Backspace" && event.key !== "Delete") return;
    event.preventDefault();
    editor.removeChosen();
  }

  /** Give up what is begun: what is held, what is drawn, what is chosen, one after the other. */
  function escape(): void {
    if (held) cancel();
    else if (editor.drawn.value || editor.aimed.value) editor.abandon();
    else editor.choose(null);
    pending.value = null;
  }

  return { pending, covered, holding, apart_px, down, move, touch, up, cancel, drawKey, gripKey, bodyKey, escape };
}

export function grips(editor: Editor): Grip[] {
  const { value } = editor.zone;
  if (editor.chosen.value === "water") return ["level", "foot", "head"];
  return value ? [...value.polygon.keys(), ...(value.direction ? (["from", "to"] as const) : [])] : [];
}

/** The middles of the sides of what is chosen that are long enough: pulled, they are new corners. */
export function middles(editor: Editor, apart_px: (a: Corner, b: Corner) => number): { after: number; where: Corner }[] {
  const polygon = editor.zone.value?.polygon ?? [];
  return polygon.flatMap((from, after) => {
    const to = polygon[(after + 1) % polygon.length] as Corner;
    if (apart_px(from, to) < LONGEST_SIDE_WITHOUT_PX) return [];
    return [{ after, where: [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2] as Corner }];
  });
}

function middleOf(polygon: readonly Corner[] = [[0.5, 0.5]]): Corner {
  const mean = (all: number[]) => all.reduce((sum, one) => sum + one, 0) / all.length;
  return [mean(polygon.map(([x]) => x)), mean(polygon.map(([, y]) => y))];
}

function holds(polygon: readonly Corner[], [x, y]: Corner): boolean {
  return polygon.reduce((inside, [x0, y0], at) => {
    const [x1, y1] = polygon[(at + 1) % polygon.length] as Corner;
    return y0 > y !== y1 > y && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0 ? !inside : inside;
  }, false);
}
