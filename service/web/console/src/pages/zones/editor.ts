// What is done to a drawing, and undone: each change is a new drawing, so that none is lost.
import { computed, ref, shallowRef } from "vue";
import { type Drawing, type Kind, type Water, type Zone, faultsIn, isChanged, newKey } from "./drawing";
import { type Corner, MOST_CORNERS, MOST_ZONES, directionFault, isTimed } from "./geometry";
import { moved, rounded } from "./snapping";

/** A corner by its place in the polygon, an end of an arrow or a scale, or its alarm line. */
export type Grip = number | "from" | "to" | "foot" | "head" | "level";
export type Chosen = number | "water" | null;

const KEPT_STEPS = 200;
const ONE_STEP_MS = 1200; // what goes on within this is one step to undo
/** Begins the mark of what a hand does without letting go: one step, however long it takes. */
export const GESTURE = "gesture";
const BOX: Corner[] = [[0.3, 0.35], [0.7, 0.35], [0.7, 0.75], [0.3, 0.75]];
const SCALE: Water = { foot: [0.5, 0.85], head: [0.5, 0.25], alarm_level: 0.6 };

export type Editor = ReturnType<typeof useEditor>;

export function useEditor(called: (kind: Kind, number: number) => string) {
  const base = shallowRef<Drawing>({ zones: [], water: null, hazards: [] });
  const now = shallowRef<Drawing>(base.value);
  const past = shallowRef<Drawing[]>([]);
  const coming = shallowRef<Drawing[]>([]);
  const chosen = ref<Chosen>(null);
  const grip = ref<Grip | null>(null);
  /** The kind that is being drawn, and its corners so far. */
  const drawn = shallowRef<{ kind: Kind; corners: Corner[] } | null>(null);
  /** A direction that is being marked, and where it begins as soon as that is known. */
  const aimed = shallowRef<{ from: Corner | null } | null>(null);
  let step = { mark: "", at: 0 };

  const zone = computed(() => now.value.zones.find((one) => one.key === chosen.value) ?? null);
  const faults = computed(() => faultsIn(now.value));
  const dirty = computed(() => isChanged(now.value, base.value) || !!drawn.value?.corners.length);
  const isFull = computed(() => now.value.zones.length >= MOST_ZONES);

  function begin(drawing: Drawing, edited: Drawing = drawing): void {
    [base.value, now.value, past.value, coming.value] = [drawing, edited, [], []];
    if (!exists(chosen.value)) choose(null);
    abandon();
  }

  /** `mark`: changes of one mark that follow on each other are undone together. */
  function change(next: Drawing, mark = ""): void {
    const goesOn = mark !== "" && mark === step.mark && (mark.includes(GESTURE) || Date.now() - step.at < ONE_STEP_MS);
    if (!goesOn) past.value = [...past.value.slice(-KEPT_STEPS), now.value];
    coming.value = [];
    step = { mark, at: Date.now() };
    now.value = next;
  }

  function undo(): void {
    if (drawn.value?.corners.length || aimed.value?.from) return takeBack();
    shift(past, coming);
  }

  function redo(): void {
    shift(coming, past);
  }

  function shift(from: typeof past, to: typeof past): void {
    const found = from.value.at(-1);
    if (!found) return;
    to.value = [...to.value, now.value];
    from.value = from.value.slice(0, -1);
    now.value = found;
    step = { mark: "", at: 0 };
    if (!exists(chosen.value)) choose(null);
    [grip.value, aimed.value] = [null, null];
  }

  function exists(one: Chosen): boolean {
    return one === "water" ? !!now.value.water : now.value.zones.some(({ key }) => key === one);
  }

  function choose(one: Chosen, at: Grip | null = null): void {
    aimed.value = null;
    chosen.value = one;
    grip.value = at;
  }

  // ---- drawing a zone

  function startZone(kind: Kind): void {
    if (isFull.value) return;
    choose(null);
    drawn.value = { kind, corners: [] };
  }

  function addCorner(at: Corner): void {
    if (!drawn.value || drawn.value.corners.length >= MOST_CORNERS) return;
    drawn.value = { ...drawn.value, corners: [...drawn.value.corners, rounded(at)] };
  }

  function takeBack(): void {
    if (aimed.value) aimed.value = { from: null };
    if (drawn.value) drawn.value = { ...drawn.value, corners: drawn.value.corners.slice(0, -1) };
  }

  function finish(): void {
    if (!drawn.value || drawn.value.corners.length < 3) return;
    add(drawn.value.kind, drawn.value.corners);
  }

  /** The zone as a box in the middle, to be pulled into its shape. */
  function putBox(): void {
    if (drawn.value) add(drawn.value.kind, BOX);
  }

  function abandon(): void {
    drawn.value = null;
    aimed.value = null;
  }

  function add(kind: Kind, polygon: Corner[]): void {
    const names = new Set(now.value.zones.map((one) => one.zone_id.trim()));
    let number = 1;
    while (names.has(called(kind, number))) number += 1;
    const made: Zone = { key: newKey(), zone_id: called(kind, number), kind, polygon, direction: null, permitted_s: "" };
    drawn.value = null;
    change({ ...now.value, zones: [...now.value.zones, made] });
    choose(made.key);
  }

  // ---- changing what there is

  function edit(given: Partial<Zone>, mark = ""): void {
    const { value } = zone;
    if (value) replace({ ...value, ...given }, mark && `${value.key}-${mark}`);
  }

  function replace(one: Zone, mark: string): void {
    change({ ...now.value, zones: now.value.zones.map((each) => (each.key === one.key ? one : each)) }, mark);
  }

  /** What a kind can't have goes with it; undone, it comes back. */
  function turnInto(kind: Kind): void {
    aimed.value = null;
    edit({ kind, ...(kind === "road" ? {} : { direction: null }), ...(isTimed(kind) ? {} : { permitted_s: "" }) });
  }

  function removeChosen(): void {
    const { zones } = now.value;
    if (chosen.value === "water") change({ ...now.value, water: null });
    else change({ ...now.value, zones: zones.filter((one) => one.key !== chosen.value) });
    choose(null);
  }

  function reorder(by: -1 | 1): void {
    const zones = [...now.value.zones];
    const at = zones.findIndex((one) => one.key === chosen.value);
    const other = zones[at + by];
    const one = zones[at];
    if (!one || !other) return;
    [zones[at], zones[at + by]] = [other, one];
    change({ ...now.value, zones });
  }

  /** Begin to mark where vehicles may drive: nothing is marked before both ends are. */
  function direct(): void {
    if (zone.value) [aimed.value, grip.value] = [{ from: null }, null];
  }

  /** An end of the arrow; one too near to the first is none. */
  function aim(at: Corner): void {
    const [point, from] = [rounded(at), aimed.value?.from];
    if (!from) aimed.value = { from: point };
    else if (!directionFault("road", from, point)) {
      edit({ direction: [from, point] });
      aimed.value = null;
    }
  }

  function turnArrow(): void {
    const ends = zone.value?.direction;
    if (ends) edit({ direction: [ends[1], ends[0]] });
  }

  function putScale(): void {
    drawn.value = null;
    if (!now.value.water) change({ ...now.value, water: SCALE });
    choose("water");
  }

  function setWater(given: Partial<Water>, mark = ""): void {
    if (now.value.water) change({ ...now.value, water: { ...now.value.water, ...given } }, mark && `water-${mark}`);
  }

  function setHazards(hazards: string[]): void {
    change({ ...now.value, hazards });
  }

  // ---- moving what is chosen

  /** Where a grip of what is chosen is. */
  function at(one: Grip): Corner | null {
    const { water } = now.value;
    if (chosen.value === "water") return !water ? null : one === "level" ? levelOf(water) : one === "foot" || one === "head" ? water[one] : null;
    if (typeof one === "number") return zone.value?.polygon[one] ?? null;
    return zone.value?.direction?.[one === "from" ? 0 : 1] ?? null;
  }

  function move(one: Grip, to: Corner, mark: string): void {
    const { water } = now.value;
    const [point, { value }] = [rounded(to), zone];
    if (chosen.value === "water" && water) {
      if (one === "level") setWater({ alarm_level: alongScale(water, to) }, mark);
      else if (one === "foot" || one === "head") setWater({ [one]: point }, mark);
    } else if (value && typeof one === "number") {
      edit({ polygon: value.polygon.map((each, index) => (index === one ? point : each)) }, mark);
    } else if (value?.direction) {
      edit({ direction: one === "from" ? [point, value.direction[1]] : [value.direction[0], point] }, mark);
    }
  }

  function moveAll(from: Zone, by: Corner, mark: string): void {
    const arrow = from.direction ?? [];
    const all = moved([...from.polygon, ...arrow], by);
    const polygon = all.slice(0, from.polygon.length);
    const [start, end] = all.slice(from.polygon.length);
    edit({ polygon, direction: start && end ? [start, end] : null }, mark);
  }

  /** A corner after this one, half way to the next; returns where it is. */
  function insertAfter(one: number, where?: Corner, mark = ""): number | null {
    const { value } = zone;
    const [from, to] = [value?.polygon[one], value?.polygon[(one + 1) % value.polygon.length]];
    if (!value || !from || !to || value.polygon.length >= MOST_CORNERS) return null;
    const point = rounded(where ?? [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2]);
    edit({ polygon: [...value.polygon.slice(0, one + 1), point, ...value.polygon.slice(one + 1)] }, mark);
    grip.value = one + 1;
    return one + 1;
  }

  /** Take away what the grip stands for: a corner, or the whole arrow. */
  function removeGrip(): void {
    const { value } = zone;
    const one = grip.value;
    if (value && typeof one === "number" && value.polygon.length > 3) {
      edit({ polygon: value.polygon.filter((_, index) => index !== one) });
      grip.value = Math.max(0, one - 1);
    } else if (value && (one === "from" || one === "to")) {
      edit({ direction: null });
      grip.value = null;
    }
  }

  return {
    base, now, past, coming, chosen, grip, drawn, aimed, zone, faults, dirty, isFull, begin, change, undo, redo, choose, startZone, addCorner,
    takeBack, finish, putBox, abandon, edit, turnInto, removeChosen, reorder, direct, aim, turnArrow, putScale, setWater, setHazards, at,
    move, moveAll, insertAfter, removeGrip,
  };
}

export function levelOf({ foot, head, alarm_level }: Water): Corner {
  return [foot[0] + (head[0] - foot[0]) * alarm_level, foot[1] + (head[1] - foot[1]) * alarm_level];
}

/** The share of the way from foot to head at which a point lies, to a hundredth, its ends left out. */
function alongScale({ foot, head }: Water, to: Corner): number {
  const [dx, dy] = [head[0] - foot[0], head[1] - foot[1]];
  const along = ((to[0] - foot[0]) * dx + (to[1] - foot[1]) * dy) / (dx * dx + dy * dy || 1);
  return Math.round(Math.min(0.99, Math.max(0.01, along)) * 100) / 100;
}
