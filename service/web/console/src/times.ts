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

/** Which zone local times are in, as the moment has it: UTC+08:00. */
export function offsetCalled(moment = new Date()): string {
  const minutes = -moment.getTimezoneOffset();
  const [h, m] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return t("time.offset", { offset: `${minutes < 0 ? "−" : "+"}${two(h)}:${two(m)}` });
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

/** Seconds as a stopwatch shows them: 1:05, 1:02:05, days before hours. */
export function digits(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const [h, m] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)];
  if (h >= 48) return duration(s * 1000);
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** A difference between two moments, short ones to a tenth of a second. */
export function brief(milliseconds: number): string {
  const TENTHS_BELOW_MS = 10_000;
  return Math.abs(milliseconds) < TENTHS_BELOW_MS ? t("time.tenths", { s: (milliseconds / 1000).toFixed(1) }) : duration(milliseconds);
}
