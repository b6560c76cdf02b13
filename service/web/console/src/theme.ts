import { ref } from "vue";
import { keep, kept } from "./kept";

export const THEMES = ["auto", "dark", "light"] as const;
export type Theme = (typeof THEMES)[number];

const bright = matchMedia("(prefers-color-scheme: light)");

export const theme = ref<Theme>(THEMES.find((one) => one === kept("theme")) ?? "auto");

export function useKeptTheme(): void {
  bright.addEventListener("change", show);
  show();
}

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  keep("theme", chosen);
  show();
}

function show(): void {
  const dark = theme.value === "auto" ? !bright.matches : theme.value === "dark";
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}
