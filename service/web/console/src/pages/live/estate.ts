// One line on the whole estate: how many cameras are connected, what stands still.
import { computed, onBeforeUnmount, onMounted, ref } from "vue";
import { api, taken } from "../../api/client";
import type { Status } from "../../api/shapes";
import { everywhere } from "../../session";
import { number } from "../../times";
import { t } from "../../words";

const EVERY_MS = 3000;
const BACKLOG_ENTRIES = 100;

export function useEstate() {
  const status = ref<Status | null>(null);
  let timer = 0;

  async function look(): Promise<void> {
    try {
      status.value = await taken(api.GET("/api/status"));
    } catch {
      status.value = null;
    }
    timer = window.setTimeout(look, EVERY_MS);
  }

  onMounted(look);
  onBeforeUnmount(() => clearTimeout(timer));

  /** How it stands, in words, and which cameras are meant. */
  const said = computed((): [string, string, { state?: string }?] => {
    if (!status.value) return ["unknown", ""];
    if (!status.value.redis_reachable) return ["bad", t("estate.no_redis")];
    if (!everywhere.value) return ["good", ""];
    const workers = status.value.workers.filter((one) => !one.lost);
    if (!workers.length) return ["bad", t("estate.no_workers"), { state: "unwatched" }];
    const lag = Object.values(status.value.consumer_lag_entries).reduce((a, b) => a + b, 0);
    const connected = workers.reduce((sum, one) => sum + one.cameras_connected, 0);
    const all = workers.reduce((sum, one) => sum + one.cameras, 0);
    const words = [t("estate.cameras", { connected: number(connected), all: number(all) })];
    if (lag > BACKLOG_ENTRIES) words.push(t("estate.backlog", { lag }));
    return [connected < all || lag > BACKLOG_ENTRIES ? "warn" : "good", words.join(" · "), connected < all ? { state: "fault" } : {}];
  });

  return { state: computed(() => said.value[0]), words: computed(() => said.value[1]), cameras: computed(() => said.value[2]) };
}
