// A file of cameras on its way into the registry. The service keeps it: whoever comes back finds it.
import { computed, onBeforeUnmount, ref } from "vue";
import { api, taken } from "../../api/client";
import { NO_ANSWER, Problem } from "../../api/problem";
import type { CameraImport, NewCameraImport } from "../../api/shapes";

/** As the service takes it: a larger one is refused before it travels. */
export const MOST_MB = 32;
export const ACCEPTED = ".csv,.txt,.json,.xlsx,text/csv,application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/** What becomes of a row. */
export const VERDICTS = ["new", "changed", "unchanged", "bad"] as const;
const BYTES_A_MB = 1024 * 1024;
const EVERY_MS = 800;
const MOST_TURNS = 24;
const MOVING = new Set(["reading", "committing"]);

/** What is wrong with a file before it is sent. */
export class FileFault extends Error {
  readonly why: "large" | "changed" | "empty";

  constructor(why: FileFault["why"]) {
    super(why);
    this.why = why;
  }
}

/** Send a file in; its import's id. */
export async function begin(file: File, options: Omit<NewCameraImport, "file_name">): Promise<string> {
  const bytes = await bytesOf(file);
  const { import_id } = await taken(api.POST("/api/camera-imports", { body: { ...options, file_name: file.name } }));
  try {
    await put(import_id, bytes);
  } catch (error) {
    await remove(import_id).catch(() => null);
    throw error;
  }
  return import_id;
}

/** Send the file of an import that waits for it, or whose checking stopped. */
export async function sendAgain(import_id: string, file: File): Promise<void> {
  await put(import_id, await bytesOf(file));
}

export function remove(import_id: string): Promise<unknown> {
  return taken(api.DELETE("/api/camera-imports/{import_id}", { params: { path: { import_id } } }));
}

// Read whole before anything is asked for: a file that was saved meanwhile can't be read any more.
async function bytesOf(file: File): Promise<ArrayBuffer> {
  if (file.size > MOST_MB * BYTES_A_MB) throw new FileFault("large");
  if (!file.size) throw new FileFault("empty");
  return file.arrayBuffer().catch(() => {
    throw new FileFault("changed");
  });
}

// The service checks one file at a time: ours waits for its turn.
async function put(import_id: string, bytes: ArrayBuffer): Promise<unknown> {
  for (let turn = 1; ; turn++) {
    try {
      return await putOnce(import_id, bytes);
    } catch (error) {
      const waits = error instanceof Problem && error.status === 503 && error.retryAfter_s;
      if (!waits || turn >= MOST_TURNS) throw error;
      await new Promise((resolve) => setTimeout(resolve, waits * 1000));
    }
  }
}

function putOnce(import_id: string, bytes: ArrayBuffer): Promise<unknown> {
  return taken(
    api.PUT("/api/camera-imports/{import_id}/file", {
      params: { path: { import_id } },
      body: bytes as never,
      bodySerializer: (body: unknown) => body as BodyInit,
      headers: { "Content-Type": "application/octet-stream" },
    }),
  );
}

/** One import, as it moves. */
export function useImport(import_id: string) {
  const found = ref<CameraImport | null>(null);
  const problem = ref<unknown>(null);
  const unknown = computed(() => problem.value instanceof Problem && problem.value.status === 404);
  let timer = 0;
  let left = false;

  async function load(): Promise<void> {
    clearTimeout(timer);
    try {
      const answer = await taken(api.GET("/api/camera-imports/{import_id}", { params: { path: { import_id } } }));
      if (left) return;
      found.value = answer;
      problem.value = null;
    } catch (error) {
      if (left) return;
      problem.value = error;
    }
    const lost = problem.value instanceof Problem && problem.value.code === NO_ANSWER;
    if (lost || (found.value && MOVING.has(found.value.state))) timer = window.setTimeout(load, EVERY_MS);
  }

  async function commit(): Promise<void> {
    await taken(api.POST("/api/camera-imports/{import_id}/commit", { params: { path: { import_id } } }));
    await load();
  }

  onBeforeUnmount(() => {
    left = true;
    clearTimeout(timer);
  });
  return { found, problem, unknown, load, commit };
}
