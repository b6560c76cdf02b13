// What is wrong with what is drawn, as the service's own refusals say it.
import { refusal } from "../../api/faults";
import { t } from "../../words";
import type { Fault } from "./drawing";

export function faultSaid({ code, params }: Pick<Fault, "code" | "params">): string {
  return code === "missing" ? t("zones.name_missing") : refusal({ code, params, message: code });
}
