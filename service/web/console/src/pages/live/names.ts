// What cameras are called: incidents name them by their id.
import { reactive } from "vue";
import { api, taken } from "../../api/client";
import { may } from "../../session";

const AT_ONCE = 4;
const names = reactive(new Map<string, string>());
const asked = new Set<string>();
const queue: string[] = [];
let running = 0;

/** The camera's name, or its id until that is known. */
export function cameraName(camera_id: string): string {
  if (!asked.has(camera_id) && may("camera.read")) {
    asked.add(camera_id);
    queue.push(camera_id);
    next();
  }
  return names.get(camera_id) ?? camera_id;
}

function next(): void {
  while (running < AT_ONCE) {
    const camera_id = queue.shift();
    if (camera_id === undefined) return;
    running += 1;
    void name(camera_id).finally(() => {
      running -= 1;
      next();
    });
  }
}

async function name(camera_id: string): Promise<void> {
  try {
    const found = await taken(api.GET("/api/cameras/{camera_id}", { params: { path: { camera_id } } }));
    names.set(camera_id, found.name);
  } catch {
    // its id is a name as well
  }
}
