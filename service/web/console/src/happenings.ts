// What actors, targets and hazards are called.
import { reactive } from "vue";
import { api, taken } from "./api/client";
import type { Target } from "./api/shapes";
import { may } from "./session";
import { t, word } from "./words";

const POLICY = "policy:";
const TARGET = "target:";
/** Takes alerts in. */
const INTAKE = "intake";

/** Who did something: a login, a rule of the product, or whoever orders are sent to. */
export function actorCalled(actor: string): string {
  if (actor === INTAKE) return word("policy", INTAKE);
  if (actor.startsWith(POLICY)) return word("policy", actor.slice(POLICY.length));
  return actor.startsWith(TARGET) ? t("order.by_target", { name: targetCalled(actor.slice(TARGET.length)) }) : actor;
}

const AGAIN_MS = 30_000;
const labels = reactive(new Map<string, string>());
let askedAt = 0;

/** Built in targets have words; others are called as they were set up, by name until that is known. */
export function targetCalled(name: string): string {
  const code = name.replaceAll(".", "_");
  const said = word("target", code);
  if (said !== code) return said;
  if (!labels.has(name)) void askTargets();
  return labels.get(name) ?? name;
}

/** Keep what targets are called, from an answer that somebody else asked for. */
export function noteTargets(targets: Target[]): void {
  for (const one of targets) labels.set(one.name, one.label || one.name);
}

async function askTargets(): Promise<void> {
  if (!may("order.read") || Date.now() - askedAt < AGAIN_MS) return;
  askedAt = Date.now();
  try {
    noteTargets((await taken(api.GET("/api/dispatch/targets"))).targets);
  } catch {
    // its name is a name as well
  }
}

/** What the service says of a target that it can't reach, by how its English begins. */
const TARGET_ERRORS: [RegExp, string][] = [
  [/^it refuses connections/, "refused_connection"],
  [/^no answer in time/, "no_answer"],
  [/^no connection/, "no_connection"],
  [/^its answer is no HTTP/, "no_http"],
  [/^its certificate is not trusted/, "certificate"],
  [/is in no network that this target may be in/, "network"],
];

/** A target's error in words where there are some, else as it was said. */
export function targetErrorCalled(said: string): string {
  const known = TARGET_ERRORS.find(([begins]) => begins.test(said));
  if (known) return word("target_error", known[1]);
  const [, status, more] = /^HTTP (\d{3}) ?(.*)$/s.exec(said) ?? [];
  return status ? [t("target_error.http", { status }), more].filter(Boolean).join(" · ") : said;
}

export function hazardCalled(hazard: string, detail?: object | null): string {
  const fault = detail && "fault" in detail ? detail.fault : null;
  return fault ? `${word("hazard", hazard)} · ${word("camera_fault", String(fault))}` : word("hazard", hazard);
}
