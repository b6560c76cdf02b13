// One incident: as it stands, its history, and what is done to it.
import { nextTick, onBeforeUnmount, onMounted, ref, shallowRef } from "vue";
import { api, taken } from "../../api/client";
import { Problem } from "../../api/problem";
import type { IncidentAction, IncidentWhole, Step } from "../../api/shapes";
import { sessionEnded } from "../../session";
import { clock } from "../../times";
import { t, word } from "../../words";
import type { Deed } from "./deeds";

const EVERY_MS = 3000;
const HISTORY_EVERY = 4; // what changes nothing else, such as a note, is in the history alone
/** After a state changed another button stands where one was: a second click isn't meant for it. */
const SETTLING_MS = 600;

export interface Conflict {
  actor: string;
  state: string;
  at: string;
}

export type More = Partial<Omit<IncidentAction, "action" | "version">>;

export function useIncident(incident_id: string) {
  const incident = shallowRef<IncidentWhole | null>(null);
  const steps = shallowRef<Step[]>([]);
  const problem = ref<unknown>(null);
  /** Of what was done last. */
  const refused = ref<unknown>(null);
  const conflict = ref<Conflict | null>(null);
  const said = ref("");
  const busy = ref<Deed | null>(null);
  let timer = 0;
  let round = 0;
  let gone = false;
  const path = { incident_id };

  async function look(): Promise<void> {
    const found = await taken(api.GET("/api/incidents/{incident_id}", { params: { path } }));
    const isNew = JSON.stringify(found) !== JSON.stringify(incident.value);
    // What was asked for before an action tells less than its answer.
    if (!busy.value && found.version >= (incident.value?.version ?? 0)) incident.value = found;
    if (isNew || round % HISTORY_EVERY === 0) await lookBack();
    problem.value = null;
  }

  async function lookBack(): Promise<void> {
    steps.value = (await taken(api.GET("/api/incidents/{incident_id}/steps", { params: { path } }))).steps;
  }

  async function follow(): Promise<void> {
    try {
      if (!document.hidden && !sessionEnded.value) await look();
    } catch (error) {
      if (!incident.value || (error instanceof Problem && error.status === 404)) problem.value = error;
    }
    round += 1;
    if (!gone) timer = window.setTimeout(follow, EVERY_MS);
  }

  async function act(action: Deed, more: More = {}): Promise<boolean> {
    if (busy.value || !incident.value) return false;
    busy.value = action;
    refused.value = conflict.value = null;
    said.value = "";
    try {
      const body = { ...more, action, version: incident.value.version } as IncidentAction;
      incident.value = await taken(api.POST("/api/incidents/{incident_id}/actions", { params: { path }, body }));
      said.value = t("incident.done", { what: word("deed_done", action), at: clock(new Date()) });
      await lookBack().catch(() => null);
      return true;
    } catch (error) {
      await lost(error);
      return false;
    } finally {
      await nextTick();
      window.setTimeout(() => (busy.value = null), SETTLING_MS);
    }
  }

  /** Somebody else was faster, or it can't be: show how it stands now. */
  async function lost(error: unknown): Promise<void> {
    const params = error instanceof Problem ? error.body.errors?.[0]?.params : null;
    if (error instanceof Problem && error.code === "incident_changed" && params)
      conflict.value = { actor: String(params.actor), state: String(params.state), at: String(params.at) };
    else refused.value = error;
    try {
      incident.value = await taken(api.GET("/api/incidents/{incident_id}", { params: { path } }));
      await lookBack();
    } catch {
      // the next look tells
    }
  }

  onMounted(follow);
  onBeforeUnmount(() => {
    gone = true;
    clearTimeout(timer);
  });

  return { incident, steps, problem, refused, conflict, said, busy, act, look };
}

export type Following = ReturnType<typeof useIncident>;
