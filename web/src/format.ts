// Numbers, sizes, durations and times as people read them, in the browser's locale and time zone.
import { text } from "./text";

const whole = new Intl.NumberFormat();
const oneDigit = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const upToOneDigit = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

export const number = (value: number): string => whole.format(value);
export const decimal = (value: number): string => upToOneDigit.format(value);

// A ratio 0..1 as a percentage.
export function percent(ratio: number | null): string {
  if (ratio === null) return text.none;
  const value = ratio * 100;
  return `${value > 0 && value < 100 ? oneDigit.format(value) : whole.format(value)} %`;
}

export function bytes(value: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? whole.format(value) : oneDigit.format(value)} ${units[unit]}`;
}

// Seconds as the two largest units that matter.
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return text.none;
  if (seconds < 10) return `${upToOneDigit.format(seconds)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return two(Math.floor(s / 60), "min", s % 60, "s");
  const minutes = Math.round(s / 60);
  if (minutes < 1440) return two(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return two(Math.floor(hours / 24), "d", hours % 24, "h");
}

function two(major: number, majorUnit: string, minor: number, minorUnit: string): string {
  return minor === 0 ? `${major} ${majorUnit}` : `${major} ${majorUnit} ${minor} ${minorUnit}`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dayClock = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const dayYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const dayUtc = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const full = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  timeZoneName: "short",
});

// To the millisecond, with the time zone: for titles and details.
export const exact = (time: string | number): string => full.format(new Date(time));

export function ago(time: number, now: number): string {
  const seconds = Math.round((now - time) / 1000);
  if (seconds < -5) return dayClock.format(time);
  if (seconds < 2) return text.time.now;
  if (seconds < 60) return text.time.seconds(seconds);
  if (seconds < 3600) return text.time.minutes(Math.floor(seconds / 60));
  if (seconds < 86400) return text.time.hours(Math.floor(seconds / 3600));
  return seconds < 300 * 86400 ? dayClock.format(time) : dayYear.format(time);
}

export type Bucket = "minute" | "hour" | "day";

// The label of a bucket that begins at `time` (milliseconds). Days are cut in UTC by the server, so they are named in UTC.
export function bucketLabel(time: number, bucket: Bucket, withDay: boolean): string {
  if (bucket === "day") return dayUtc.format(time);
  return withDay ? dayClock.format(time) : clock.format(time);
}

export const secondsBetween = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 1000;
