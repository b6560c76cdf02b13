// The list of orders: what is chosen stands in the address, pages follow each other.
import { onBeforeUnmount, onMounted, reactive, ref, watch } from "vue";
import { useRoute, useRouter } from "vue-router";
import { api, isAborted, taken } from "../../api/client";
import type { Order, OrderQuery, Target } from "../../api/shapes";
import { noteTargets } from "../../happenings";

const PAGE = 50;
const EVERY_MS = 5000;
const FILTERS = ["state", "target", "drill", "incident_id"] as const;
export type Filter = Record<(typeof FILTERS)[number], string>;

export function useOrders() {
  const route = useRoute();
  const router = useRouter();
  const filter = reactive(inAddress());
  const orders = ref<Order[] | null>(null);
  const more = ref(false);
  const targets = ref<Target[]>([]);
  const problem = ref<unknown>(null);
  const loading = ref(false);
  let timer = 0;
  let pages = 1;
  let asked: AbortController | null = null;

  function inAddress(): Filter {
    return Object.fromEntries(FILTERS.map((name) => [name, typeof route.query[name] === "string" ? route.query[name] : ""])) as Filter;
  }

  function given(): Record<string, string> {
    return Object.fromEntries(FILTERS.map((name) => [name, filter[name]]).filter(([, value]) => value));
  }

  function query(before?: string): OrderQuery {
    return { ...given(), limit: PAGE, ...(before ? { before } : {}) } as OrderQuery;
  }

  async function load(): Promise<void> {
    clearTimeout(timer);
    asked?.abort();
    const mine = (asked = new AbortController());
    loading.value = true;
    try {
      const found: Order[] = [];
      let left = true;
      for (let page = 0; page < pages && left; page += 1) {
        const answer = await taken(api.GET("/api/orders", { params: { query: query(found.at(-1)?.order_id) }, signal: mine.signal }));
        found.push(...answer.orders);
        left = answer.more;
      }
      targets.value = (await taken(api.GET("/api/dispatch/targets", { signal: mine.signal }))).targets;
      noteTargets(targets.value);
      [orders.value, more.value, problem.value] = [found, left, null];
    } catch (error) {
      if (isAborted(error)) return;
      problem.value = error;
    }
    if (asked !== mine) return;
    loading.value = false;
    timer = window.setTimeout(look, EVERY_MS);
  }

  /** Only the first page renews itself: below, rows under somebody's hand stay where they are. */
  function look(): void {
    if (document.hidden || pages > 1) timer = window.setTimeout(look, EVERY_MS);
    else void load();
  }

  async function next(): Promise<void> {
    pages += 1;
    await load();
  }

  watch(filter, () => {
    pages = 1;
    void router.replace({ query: given() });
    void load();
  });
  watch(() => route.query, () => {
    const wanted = inAddress();
    if (route.name === "orders" && JSON.stringify(wanted) !== JSON.stringify({ ...filter })) Object.assign(filter, wanted);
  });
  onMounted(load);
  onBeforeUnmount(() => {
    clearTimeout(timer);
    asked?.abort();
  });

  return { filter, orders, more, targets, problem, loading, load, next, isFiltered: () => Object.keys(given()).length > 0 };
}
