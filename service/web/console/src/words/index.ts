// Every word that the console shows comes from zh.json and en.json through `t`.
import { createI18n } from "vue-i18n";
import { keep, kept } from "../kept";

export const LANGUAGES = ["zh", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

const TAGS: Record<Language, string> = { zh: "zh-CN", en: "en-GB" };
const FILES = { zh: () => import("./zh.json"), en: () => import("./en.json") };

/** What was chosen here, or else what the browser's first language asks for; Chinese unless it is English. */
function begun(): Language {
  const chosen = kept("language");
  const known = LANGUAGES.find((one) => one === chosen);
  return known ?? (/^en\b/i.test(navigator.languages[0] ?? "") ? "en" : "zh");
}

export const words = createI18n({
  legacy: false,
  locale: begun(),
  fallbackLocale: false,
  flatJson: true,
  missingWarn: false,
  fallbackWarn: false,
  messages: {} as Record<string, Record<string, string>>,
});

const { locale } = words.global;

export function t(key: string, values: Record<string, unknown> = {}): string {
  return words.global.t(key, values);
}

/** What a code of a kind is called. A code without a word shows itself. */
export function word(kind: string, code: string, values: Record<string, unknown> = {}): string {
  const key = `${kind}.${code}`;
  return words.global.te(key, language()) ? t(key, values) : code;
}

/** Every code of a kind that there are words for. */
export function codes(kind: string): string[] {
  const all = words.global.getLocaleMessage(language()) as Record<string, object>;
  return Object.keys(all[kind] ?? {});
}

export function language(): Language {
  return locale.value as Language;
}

export function languageTag(): string {
  return TAGS[language()];
}

export async function loadWords(chosen: Language = language()): Promise<void> {
  if (!words.global.availableLocales.includes(chosen)) {
    words.global.setLocaleMessage(chosen, (await FILES[chosen]()).default);
  }
  locale.value = chosen;
  document.documentElement.lang = TAGS[chosen];
}

export async function chooseLanguage(chosen: Language): Promise<void> {
  await loadWords(chosen);
  keep("language", chosen);
}
