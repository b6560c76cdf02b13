import { ref } from "vue";

/** What the page open now adds to the window's title, such as how many incidents wait. */
export const pageNote = ref("");
/** Whether the navigation is open where there is no room for it. */
export const navigationOpen = ref(false);
