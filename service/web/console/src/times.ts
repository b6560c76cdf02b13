import { languageTag, t } from "./words";

/** Local time; the day as well unless it is today. */
export function clock(moment: Date): string {
  const time = moment.toLocaleTimeString(languageTag(), { hour12: false });
  return moment.toDateString() === new Date().toDateString() ? time : `${day(moment)} ${time}`;
}

/** Local date and time, whole. */
export function stamp(moment: Date): string {
  const time = moment.toLocaleTimeString(languageTag(), { hour12: false });
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())} ${time}`;
}

function day(moment: Date): string {
  const year = moment.getFullYear() === new Date().getFullYear() ? "" : `${moment.getFullYear()}-`;
  return `${year}${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

export function duration(milliseconds: number): string {
  const s = Math.max(0, Math.floor(milliseconds / 1000));
  if (s < 60) return t("time.seconds", { s });
  if (s < 3600) return t("time.minutes", { m: Math.floor(s / 60), s: s % 60 });
  if (s < 86400) return t("time.hours", { h: Math.floor(s / 3600), m: Math.floor((s % 3600) / 60) });
  return t("time.days", { d: Math.floor(s / 86400), h: Math.floor((s % 86400) / 3600) });
}

export function number(value: number): string {
  return value.toLocaleString(languageTag());
}
