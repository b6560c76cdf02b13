// What the service answers and takes, named. All of it comes from docs/openapi.json.
import type { paths } from "@openapi";

type Content<R> = R extends { content: { "application/json": infer T } } ? T : never;

type Answer<P extends keyof paths, M extends keyof paths[P]> = paths[P][M] extends {
  responses: infer R;
}
  ? Content<R[keyof R & (200 | 201)]>
  : never;

type Asked<P extends keyof paths, M extends keyof paths[P]> = paths[P][M] extends {
  requestBody: infer R;
}
  ? Content<R>
  : never;

export type Session = Answer<"/api/session", "get">;
export type WaysToSignIn = Answer<"/api/ways-to-sign-in", "get">;
export type Permission = Session["permissions"][number];
export type Token = Answer<"/api/tokens", "get">["tokens"][number];
export type Account = Answer<"/api/accounts/{account_id}", "get">;
export type Place = Answer<"/api/places/{code}", "get">;
export type ImportReport = Answer<"/api/places/import", "post">;
export type CameraRow = Answer<"/api/cameras", "get">["cameras"][number];
type WholeCamera = Answer<"/api/cameras/{camera_id}", "get">;
/** As the client reads it: it sees corners as lists of numbers, not as pairs. */
export type Camera = Omit<WholeCamera, "zones" | "water"> & { zones: Zone[]; water: WaterScale | null };
type Zone = Omit<WholeCamera["zones"][number], "polygon" | "direction"> & { polygon: number[][]; direction?: number[][] | null };
type WaterScale = Omit<NonNullable<WholeCamera["water"]>, "foot" | "head"> & { foot: number[]; head: number[] };
export type CameraProbe = Answer<"/api/cameras/{camera_id}/probe", "get">;
export type CameraHealth = Answer<"/api/cameras/{camera_id}/health", "get">;
export type CameraChoices = Answer<"/api/camera-choices", "get">;
export type NewCamera = Asked<"/api/cameras", "post">;
export type CameraEdit = Asked<"/api/cameras/{camera_id}", "patch">;
export type AuditPage = Answer<"/api/audit", "get">;
export type AuditEntry = AuditPage["entries"][number];
export type IncidentPage = Answer<"/api/incidents", "get">;
export type IncidentQuery = NonNullable<paths["/api/incidents"]["get"]["parameters"]["query"]>;
export type Incident = IncidentPage["incidents"][number];
export type EvidenceList = Answer<"/api/incidents/{incident_id}/evidence", "get">;
export type Evidence = EvidenceList["evidence"][number];
type Picture = paths["/api/evidence/{ref}/{part}"]["get"]["parameters"];
export type Part = Picture["path"]["part"];
export type Why = Picture["query"]["why"];
export type Retention = Answer<"/api/evidence/retention", "get">;
export type RetentionRule = Retention["rules"][number];
export type Status = Answer<"/api/status", "get">;
export type CameraQuery = NonNullable<paths["/api/cameras"]["get"]["parameters"]["query"]>;
export type CameraImport = Answer<"/api/camera-imports/{import_id}", "get">;
export type NewCameraImport = Asked<"/api/camera-imports", "post">;
export type ImportRow = Answer<"/api/camera-imports/{import_id}/rows", "get">["rows"][number];
export type ImportRowQuery = NonNullable<paths["/api/camera-imports/{import_id}/rows"]["get"]["parameters"]["query"]>;
type BulkEdit = Asked<"/api/cameras/bulk", "post">;
export type BulkAnswer = Answer<"/api/cameras/bulk", "post">;
export type Selection = BulkEdit["selection"];
export type Patch = BulkEdit["patch"];
export type ProbeBatch = Answer<"/api/probes/{batch_id}", "get">;
export type ProbesAsked = Answer<"/api/probes", "post">;
export type SavedView = Answer<"/api/camera-views", "get">["views"][number];
type WholeIncident = Answer<"/api/incidents/{incident_id}", "get">;
/** Without boxes, which the client sees as lists of numbers and no page draws. */
export type IncidentWhole = Omit<WholeIncident, "alerts"> & { alerts: Omit<WholeIncident["alerts"][number], "box">[] };
export type IncidentAction = Asked<"/api/incidents/{incident_id}/actions", "post">;
export type Step = Answer<"/api/incidents/{incident_id}/steps", "get">["steps"][number];
export type Colleague = Answer<"/api/colleagues", "get">["colleagues"][number];
export type Clocks = Answer<"/api/clocks", "get">;
export type ClockRule = Clocks["rules"][number];
export type Target = Answer<"/api/dispatch/targets", "get">["targets"][number];
export type Tried = Answer<"/api/dispatch/routes/try", "post">;
export type Order = Answer<"/api/orders", "get">["orders"][number];
export type OrderQuery = NonNullable<paths["/api/orders"]["get"]["parameters"]["query"]>;
export type Trail = Answer<"/api/orders/{order_id}", "get">;
export type Targets = Answer<"/api/dispatch/targets", "get">;
export type TryIn = Asked<"/api/dispatch/routes/try", "post">;
export type Routes = Answer<"/api/dispatch/routes", "get">;
export type Route = Routes["routes"][number];
export type RouteIn = Asked<"/api/dispatch/routes", "put">["routes"][number];
export type Policies = Answer<"/api/dispatch/policies", "get">;
export type DutyNow = Answer<"/api/duty/now", "get">;
export type Roster = Answer<"/api/duty", "get">;
export type HandoverBrief = Answer<"/api/handovers", "get">["handovers"][number];
export type Handover = Answer<"/api/handovers/{handover_id}", "get">;
export type Statistics = Answer<"/api/statistics", "get">;
export type StatisticsQuery = NonNullable<paths["/api/statistics"]["get"]["parameters"]["query"]>;
