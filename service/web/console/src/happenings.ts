// What actors, targets and hazards are called.
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

/** Built in targets have words; others are called as they were set up. */
export function targetCalled(name: string): string {
  const code = name.replaceAll(".", "_");
  const said = word("target", code);
  return said === code ? name : said;
}

export function hazardCalled(hazard: string, detail?: object | null): string {
  const fault = detail && "fault" in detail ? detail.fault : null;
  return fault ? `${word("hazard", hazard)} · ${word("camera_fault", String(fault))}` : word("hazard", hazard);
}
