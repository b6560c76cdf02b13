import { createRouter, createWebHistory, type RouteMeta, type RouteRecordRaw } from "vue-router";
import type { Permission } from "./api/shapes";
import { everywhere, may, session } from "./session";
import { tell } from "./tell";
import { t } from "./words";

declare module "vue-router" {
  interface RouteMeta {
    /** Who may open the page; nothing said: everybody who is logged in. */
    needs?: Permission;
    /** Only for whom the whole installation is one's own. */
    everywhere?: boolean;
    /** Shown without a session. */
    open?: boolean;
    /** The key of its name. */
    title: string;
  }
}

/** What the navigation shows, in its order. */
export const PLACES_TO_GO = [
  { name: "live", icon: "live" },
  { name: "orders", icon: "send" },
  { name: "statistics", icon: "bars" },
  { name: "cameras", icon: "camera" },
  { name: "places", icon: "tree" },
  { name: "dispatch", icon: "route" },
  { name: "duty", icon: "shift" },
  { name: "accounts", icon: "people" },
  { name: "retention", icon: "clock" },
  { name: "audit", icon: "log" },
  { name: "status", icon: "pulse" },
] as const;

const routes: RouteRecordRaw[] = [
  { path: "/", name: "home", redirect: home },
  { path: "/login", name: "login", component: () => import("./pages/login/LoginPage.vue"), meta: { open: true, title: "login.title" } },
  { path: "/live", name: "live", component: () => import("./pages/live/LivePage.vue"), meta: { needs: "incident.read", title: "go.live" } },
  { path: "/incidents/:id", name: "incident", component: () => import("./pages/incident/IncidentPage.vue"), props: true, meta: { needs: "incident.read", title: "incident.title" } },
  { path: "/orders", name: "orders", component: () => import("./pages/orders/OrdersPage.vue"), meta: { needs: "order.read", title: "go.orders" } },
  { path: "/orders/:id", name: "order", component: () => import("./pages/orders/TrailPage.vue"), props: true, meta: { needs: "order.read", title: "orders.trail" } },
  { path: "/statistics", name: "statistics", component: () => import("./pages/statistics/StatisticsPage.vue"), meta: { needs: "incident.read", title: "go.statistics" } },
  { path: "/dispatch", name: "dispatch", component: () => import("./pages/dispatch/DispatchPage.vue"), meta: { needs: "order.read", title: "go.dispatch" } },
  { path: "/duty", name: "duty", component: () => import("./pages/duty/DutyPage.vue"), meta: { needs: "incident.handle", title: "go.duty" } },
  { path: "/cameras", name: "cameras", component: () => import("./pages/cameras/CamerasPage.vue"), meta: { needs: "camera.read", title: "go.cameras" } },
  { path: "/cameras/new", name: "camera-new", component: () => import("./pages/cameras/CameraEditPage.vue"), meta: { needs: "camera.write", title: "camera.new" } },
  { path: "/cameras/import", name: "imports", component: () => import("./pages/imports/ImportsPage.vue"), meta: { needs: "camera.write", title: "imports.title" } },
  { path: "/cameras/import/:id", name: "import", component: () => import("./pages/imports/ImportPage.vue"), props: true, meta: { needs: "camera.write", title: "imports.title" } },
  { path: "/cameras/:id", name: "camera", component: () => import("./pages/cameras/CameraPage.vue"), props: true, meta: { needs: "camera.read", title: "go.cameras" } },
  { path: "/cameras/:id/edit", name: "camera-edit", component: () => import("./pages/cameras/CameraEditPage.vue"), props: true, meta: { needs: "camera.write", title: "camera.edit" } },
  { path: "/cameras/:id/zones", name: "zones", component: () => import("./pages/zones/ZonesPage.vue"), props: true, meta: { needs: "camera.write", title: "zones.title" } },
  { path: "/places", name: "places", component: () => import("./pages/places/PlacesPage.vue"), meta: { needs: "place.read", title: "go.places" } },
  { path: "/accounts", name: "accounts", component: () => import("./pages/accounts/AccountsPage.vue"), meta: { needs: "account.read", title: "go.accounts" } },
  { path: "/audit", name: "audit", component: () => import("./pages/audit/AuditPage.vue"), meta: { needs: "audit.read", title: "go.audit" } },
  { path: "/status", name: "status", component: () => import("./pages/status/StatusPage.vue"), meta: { needs: "status.read", title: "go.status" } },
  { path: "/retention", name: "retention", component: () => import("./pages/retention/RetentionPage.vue"), meta: { needs: "evidence.retain", everywhere: true, title: "go.retention" } },
  { path: "/me/password", name: "password", component: () => import("./pages/me/PasswordPage.vue"), meta: { title: "password.title" } },
  { path: "/me/tokens", name: "tokens", component: () => import("./pages/me/TokensPage.vue"), meta: { title: "tokens.title" } },
  { path: "/:rest(.*)*", name: "nothing", component: () => import("./pages/NothingPage.vue"), meta: { title: "nothing.title" } },
];

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
});

router.beforeEach((to) => {
  if (to.meta.open) return session.value && to.name === "login" ? { name: "home" } : true;
  if (!session.value) return { name: "login", query: { to: (to.redirectedFrom ?? to).fullPath } };
  if (session.value.password_once && to.name !== "password") return { name: "password" };
  // A page that a role may not use looks like one that isn't there.
  if (!allows(to.meta)) return { name: "nothing", params: { rest: ["-"] } };
  return true;
});

/** A page that was asked for anew this short a while ago isn't asked for again: that doesn't help. */
const RENEWED_MS = 10_000;
const RENEWED = "fengsui.renewed";

// A page's program is fetched when it is first opened. After an update of the service that of the
// version which is open is gone: the new one is read, at the page that was meant.
router.onError(async (error: unknown, to) => {
  const answers = await fetch("/", { method: "HEAD", cache: "no-store" }).then((one) => one.ok, () => false);
  const last = Number(sessionStorage.getItem(RENEWED) ?? 0);
  if (!answers || Date.now() - last < RENEWED_MS) return tell(t("problem.no_answer"));
  sessionStorage.setItem(RENEWED, String(Date.now()));
  console.info("the console is read anew:", error);
  location.assign(to.fullPath);
});

/** Whether who is logged in may open the page of this name. */
export function mayOpen(name: string): boolean {
  return allows(routes.find((one) => one.name === name)?.meta ?? {});
}

function allows(meta: Partial<RouteMeta>): boolean {
  return (!meta.needs || may(meta.needs)) && (!meta.everywhere || everywhere.value);
}

function home() {
  return { name: PLACES_TO_GO.find(({ name }) => mayOpen(name))?.name ?? "password" };
}
