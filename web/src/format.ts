// Numbers, sizes, durations and times as people read them, in the browser's locale and time zone. None of them breaks over lines but
// between a date and a time.
import { text } from "./text";

const { units } = text;

// Each is made when it is first used: that takes milliseconds, and no page uses all of them.
function numbers(options?: Intl.NumberFormatOptions) {
  let made: Intl.NumberFormat | undefined;
  return { format: (value: number): string => (made ??= new Intl.NumberFormat(undefined, options)).format(value) };
}
function dates(options: Intl.DateTimeFormatOptions) {
  let made: Intl.DateTimeFormat | undefined;
  return { format: (value: number | Date): string => (made ??= new Intl.DateTimeFormat(undefined, options)).format(value) };
}

const whole = numbers();
const oneDigit = numbers({ minimumFractionDigits: 1, maximumFractionDigits: 1 });
const upToOneDigit = numbers({ maximumFractionDigits: 1 });

export const number = (value: number): string => whole.format(value);
export const decimal = (value: number): string => upToOneDigit.format(value);

const withUnit = (value: string | number, unit: string): string => `${value}\u00a0${unit}`;

// A ratio 0..1 as a percentage.
export function percent(ratio: number | null): string {
  if (ratio === null) return text.none;
  const value = ratio * 100;
  return withUnit(value > 0 && value < 100 ? oneDigit.format(value) : whole.format(value), "%");
}

export const wholePercent = (ratio: number): string => withUnit(whole.format(Math.round(ratio * 100)), "%");

export function bytes(value: number): string {
  const sizes = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < sizes.length - 1) {
    value /= 1024;
    unit++;
  }
  return withUnit(unit === 0 ? whole.format(value) : oneDigit.format(value), sizes[unit] ?? "");
}

// Seconds as the two largest units that matter.
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return text.none;
  if (seconds < 10) return withUnit(upToOneDigit.format(seconds), units.seconds);
  const s = Math.round(seconds);
  if (s < 60) return withUnit(s, units.seconds);
  if (s < 3600) return two(Math.floor(s / 60), units.minutes, s % 60, units.seconds);
  const minutes = Math.round(s / 60);
  if (minutes < 1440) return two(Math.floor(minutes / 60), units.hours, minutes % 60, units.minutes);
  const hours = Math.round(minutes / 60);
  return two(Math.floor(hours / 24), units.days, hours % 24, units.hours);
}

function two(major: number, majorUnit: string, minor: number, minorUnit: string): string {
  const large = withUnit(major, majorUnit);
  return minor === 0 ? large : `${large}\u00a0${withUnit(minor, minorUnit)}`;
}

const clock = dates({ hour: "2-digit", minute: "2-digit" });
const dayClock = dates({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const dayYear = dates({ day: "numeric", month: "short", year: "numeric" });
const dayUtc = dates({ day: "numeric", month: "short", timeZone: "UTC" });
const full = dates({
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
export const exact = (time: string | number): string => full.format(new Date(time)).replace(/(?<!,) /g, "\u00a0");

export function ago(time: number, now: number): string {
  const seconds = Math.round((now - time) / 1000);
  if (seconds >= -5 && seconds < 2) return text.time.now;
  const far = Math.abs(seconds);
  if (far >= 86400) return (far < 300 * 86400 ? dayClock : dayYear).format(time);
  const said = seconds < 0 ? text.time.ahead : text.time.ago;
  if (far < 60) return said(withUnit(far, units.seconds));
  if (far < 3600) return said(withUnit(Math.floor(far / 60), units.minutes));
  return said(withUnit(Math.floor(far / 3600), units.hours));
}


// What is too long for a list, with both of its ends.
export const shortened = (value: string, most: number): string => {
  const letters = [...value];
  if (letters.length <= most) return value;
  const tail = Math.floor(most * 0.4);
  return `${letters.slice(0, most - tail - 1).join("")}…${letters.slice(-tail).join("")}`;
};

export type Bucket = "minute" | "hour" | "day";

// The label of a bucket that begins at `time` (milliseconds). Days are cut in UTC by the server, so they are named in UTC.
export function bucketLabel(time: number, bucket: Bucket, withDay: boolean): string {
  if (bucket === "day") return dayUtc.format(time);
  return withDay ? dayClock.format(time) : clock.format(time);
}

// Where whole buckets end: days end in UTC too, at the end of the day before.
export const bucketEnd = (time: number, bucket: Bucket): string =>
  bucket === "day" ? dayUtc.format(time - 1) : dayClock.format(time).replaceAll(" ", "\u00a0");

export const secondsBetween = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 1000;
