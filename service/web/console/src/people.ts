// What colleagues are called: incidents name who has them by an account's id.
import { reactive } from "vue";
import { api, taken } from "./api/client";
import { may, session } from "./session";
import { t } from "./words";

const AGAIN_MS = 30_000;
const names = reactive(new Map<string, string>());
let askedAt = 0;

/** Who has an incident, in words. */
export function holderOf(account_id: string | null): string {
  if (!account_id) return t("incident.nobody");
  if (account_id === session.value?.account.account_id) return t("incident.has_me");
  if (!names.has(account_id)) void ask();
  return names.get(account_id) ?? t("incident.somebody");
}

async function ask(): Promise<void> {
  if (!may("incident.handle") || Date.now() - askedAt < AGAIN_MS) return;
  askedAt = Date.now();
  try {
    const { colleagues } = await taken(api.GET("/api/colleagues"));
    for (const one of colleagues) names.set(one.account_id, one.name || one.login);
  } catch {
    // somebody has it, whoever it is
  }
}
