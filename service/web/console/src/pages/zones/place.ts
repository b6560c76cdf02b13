// A camera's place picture: fetched when the page needs it, asked for when somebody wants a new one.
import { computed, onBeforeUnmount, ref } from "vue";
import { api, isAborted, taken } from "../../api/client";
import { Problem } from "../../api/problem";
import type { CameraProbe } from "../../api/shapes";

const EVERY_MS = 1000; // somebody waits for it
/** Of a camera that nobody has probed: most are so. */
const USUAL_ASPECT = 16 / 9;

export function usePlace(camera_id: () => string) {
  const probe = ref<CameraProbe | null>(null);
  const url = ref<string | null>(null);
  /** Of the picture itself, as soon as it is here. */
  const size = ref<number | null>(null);
  const problem = ref<unknown>(null);
  const asking = ref(false);
  const fetching = ref(false);
  let fetched = "";
  let timer = 0;
  const gone = new AbortController();

  /** A picture was asked for here, not a probe alone. */
  const picturing = ref(false);
  const going = computed(() => probe.value?.state === "waiting" || probe.value?.state === "sent");
  const aspect = computed(() => {
    const stream = probe.value?.result?.stream;
    return size.value ?? (stream?.width_px && stream.height_px ? stream.width_px / stream.height_px : USUAL_ASPECT);
  });
  const path = computed(() => ({ camera_id: camera_id() }));

  /** How it stands; `shows`: with the picture, once there is another. */
  async function look(shows: boolean): Promise<void> {
    clearTimeout(timer);
    try {
      probe.value = await taken(api.GET("/api/cameras/{camera_id}/probe", { params: { path: path.value }, signal: gone.signal }));
      problem.value = null;
      if (shows) await show();
    } catch (error) {
      if (isAborted(error)) return;
      problem.value = error;
    }
    if (going.value && !gone.signal.aborted) timer = window.setTimeout(() => void look(shows), EVERY_MS);
  }

  async function show(): Promise<void> {
    const made_at = probe.value?.place_picture?.made_at;
    if (!made_at || made_at === fetched || fetching.value) return;
    fetching.value = true;
    try {
      const blob = await taken(api.GET("/api/cameras/{camera_id}/place-picture", { params: { path: path.value }, parseAs: "blob", cache: "no-store", signal: gone.signal }));
      await take(blob as Blob);
      fetched = made_at;
    } catch (error) {
      if (isAborted(error)) return;
      problem.value = error;
      fetched = error instanceof Problem && error.status === 404 ? made_at : fetched; // retention took it
    } finally {
      fetching.value = false;
    }
  }

  async function take(blob: Blob): Promise<void> {
    const made = URL.createObjectURL(blob);
    const image = new Image();
    image.src = made;
    await image.decode().catch(() => null);
    drop();
    if (gone.signal.aborted) return URL.revokeObjectURL(made);
    url.value = made;
    size.value = image.naturalHeight ? image.naturalWidth / image.naturalHeight : null;
  }

  async function ask(place_pictures: boolean): Promise<void> {
    if (asking.value) return;
    asking.value = true;
    picturing.value = place_pictures;
    problem.value = null;
    try {
      await taken(api.POST("/api/probes", { body: { selection: { camera_ids: [camera_id()] }, place_pictures } }));
      await look(place_pictures || url.value !== null);
    } catch (error) {
      problem.value = error;
    } finally {
      asking.value = false;
    }
  }

  function drop(): void {
    if (url.value) URL.revokeObjectURL(url.value);
    url.value = null;
  }

  onBeforeUnmount(() => {
    gone.abort();
    clearTimeout(timer);
    drop();
  });

  return { probe, url, aspect, problem, asking, picturing, fetching, going, look, show, ask };
}
