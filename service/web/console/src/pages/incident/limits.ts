// Which deadlines hold for an incident: of several rules the nearest place's, then the hazard's own.
import { type Ref, computed, onMounted, ref } from "vue";
import { api, taken } from "../../api/client";
import type { ClockRule, Clocks, IncidentWhole } from "../../api/shapes";
import type { Limits } from "./clocks";

const NONE: Limits = { seen_s: null, sent_s: null, report_s: null };
const USUAL: Limits = { seen_s: 60, sent_s: 180, report_s: 300 };
/** How many digits the code of a city, county, township and village has. */
const LEVELS = [[4, "00"], [6, ""], [9, ""], [12, ""]] as const;

export function useLimits(incident: () => IncidentWhole | null) {
  const clocks: Ref<Clocks | null> = ref(null);
  onMounted(async () => (clocks.value = await taken(api.GET("/api/clocks")).catch(() => null)));
  return computed(() => limitsOf(incident(), clocks.value));
}

function limitsOf(incident: IncidentWhole | null, clocks: Clocks | null): Limits {
  if (!incident) return USUAL;
  const around = chain(incident.place_code);
  const fitting = [...(clocks?.rules ?? []), ...(clocks?.inherited ?? [])]
    .filter((one) => (!one.hazard || one.hazard === incident.hazard) && (!one.place_code || around.includes(one.place_code)))
    .sort((a, b) => rank(b) - rank(a));
  const without = (clocks?.without ?? ["camera_fault"]).includes(incident.hazard);
  const best = fitting.find((one) => !without || one.hazard);
  return best ?? (without ? NONE : (clocks?.usual ?? USUAL));

  function rank(one: ClockRule): number {
    return 2 * (one.place_code ? around.indexOf(one.place_code) + 1 : 0) + (one.hazard ? 1 : 0);
  }
}

/** A place's code and those of the places above it, the topmost first. */
function chain(code: string | null): string[] {
  if (!code) return [];
  const above = LEVELS.filter(([digits, tail]) => code.length > digits + tail.length || (tail && code.length === digits + tail.length));
  return [...new Set([...above.map(([digits, tail]) => code.slice(0, digits) + tail), code])];
}
