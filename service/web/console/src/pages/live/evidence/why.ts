// What a picture is looked at for: said at each view, and written into the audit.
import { ref, watch } from "vue";
import type { Why } from "../../../api/shapes";
import { session } from "../../../session";

export const WHYS: readonly Why[] = ["verify", "dispatch", "review", "complaint"];

const NAME = "fengsui.why";

/** As it was chosen last; whoever logs in next begins with the first. */
export const why = ref<Why>(held());

watch(why, (chosen) => hold(`${chosen} ${whose()}`));
watch(whose, () => (why.value = held()));

function whose(): string {
  return session.value?.account.account_id ?? "";
}

function held(): Why {
  const [chosen, owner] = (stored() ?? "").split(" ");
  return WHYS.find((one) => one === chosen && owner === whose()) ?? "verify";
}

function stored(): string | null {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    return null;
  }
}

function hold(value: string): void {
  try {
    sessionStorage.setItem(NAME, value);
  } catch {
    // then it lasts as long as the page
  }
}
