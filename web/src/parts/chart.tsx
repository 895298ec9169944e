// Two lines over time. uPlot draws; colours come from the style sheet and follow the theme; the numbers under the pointer are told
// in words above the chart, and all of them stand in the table below it.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import * as format from "../format";
import type { Bucket } from "../format";
import { text } from "../text";
import { theme } from "../theme";

export interface Point {
  time: number; // milliseconds
  started: number;
  completed: number;
}

interface ChartProperties {
  points: Point[];
  bucket: Bucket;
}

const height = 250;

// Canvas takes no custom properties, and light-dark() is only resolved where a property uses it.
function colour(host: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.className = `probe-${name}`;
  host.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

// What is certain is a line. The last point, whose time is not over yet, is a dot beside it: a line down to it would look like a loss.
const settledPart = (values: number[]) => values.map((value, at) => (at === values.length - 1 && at > 0 ? null : value));
const growingPart = (values: number[]) => values.map((value, at) => (at < values.length - 1 ? null : value));

const transparent = (value: string, percent: number): string => `color-mix(in srgb, ${value} ${percent}%, transparent)`;

const dayStart = (time: number): boolean => {
  const date = new Date(time);
  return date.getHours() === 0 && date.getMinutes() === 0;
};

const daysApart = (points: Point[]): boolean => (points.at(-1)?.time ?? 0) - (points[0]?.time ?? 0) > 30 * 3600_000;

function options(host: HTMLElement, bucket: Bucket, severalDays: boolean, onPoint: (index: number) => void): uPlot.Options {
  const started = colour(host, "started");
  const completed = colour(host, "completed");
  const line = colour(host, "line");
  const muted = colour(host, "muted");
  const surface = colour(host, "surface");
  const font = `12px ${getComputedStyle(host).fontFamily}`;
  const axis = { stroke: muted, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  return {
    width: host.clientWidth,
    height,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { setScale: false, x: false }, points: { size: 8 } },
    tzDate: (seconds) => (bucket === "day" ? uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC") : new Date(seconds * 1e3)),
    scales: { y: { range: (_, __, max) => [0, Math.max(4, max * 1.1)] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        space: 84,
        values: (_, splits) =>
          splits.map((seconds) => format.bucketLabel(seconds * 1e3, severalDays && dayStart(seconds * 1e3) ? "day" : bucket, severalDays)),
      },
      {
        ...axis,
        size: 44,
        space: 36,
        values: (_, splits) => splits.map((value) => (Number.isInteger(value) ? format.number(value) : "")),
      },
    ],
    series: [
      {},
      { label: text.onboarding.started, stroke: started, width: 1.5, points: { show: false }, dash: [5, 4] },
      {
        label: text.onboarding.completed,
        stroke: completed,
        width: 2,
        fill: transparent(completed, 14),
        points: { show: false },
      },
      { stroke: started, points: { show: true, size: 7, width: 1.5, fill: surface } },
      { stroke: completed, points: { show: true, size: 7, width: 2, fill: surface } },
    ],
    hooks: { setCursor: [(chart) => onPoint(chart.cursor.idx ?? -1)] },
  };
}

function told(point: Point | undefined, bucket: Bucket, withDay: boolean): string {
  if (!point) return "";
  const t = text.onboarding;
  const when = format.bucketLabel(point.time, bucket, withDay);
  return `${when}: ${format.number(point.started)} ${t.started.toLowerCase()}, ${format.number(point.completed)} ${t.completed.toLowerCase()}`;
}

function columns(points: Point[]): uPlot.AlignedData {
  const started = points.map((point) => point.started);
  const completed = points.map((point) => point.completed);
  return [
    points.map((point) => point.time / 1e3),
    settledPart(started),
    settledPart(completed),
    growingPart(started),
    growingPart(completed),
  ];
}

export function Chart({ points, bucket }: ChartProperties) {
  const host = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLParagraphElement>(null);
  const chart = useRef<uPlot | null>(null);
  const latest = useRef(points);
  const severalDays = daysApart(points);
  useEffect(() => {
    const frame = host.current;
    if (!frame) return undefined;
    const tell = (index: number) => {
      if (readout.current) readout.current.textContent = told(latest.current[index], bucket, severalDays);
    };
    const draw = () => {
      chart.current?.destroy();
      chart.current = new uPlot(options(frame, bucket, severalDays, tell), columns(latest.current), frame);
    };
    draw();
    const resized = new ResizeObserver(() => chart.current?.setSize({ width: frame.clientWidth, height }));
    resized.observe(frame);
    const stopTheme = theme.watch(draw);
    return () => {
      stopTheme();
      resized.disconnect();
      chart.current?.destroy();
      chart.current = null;
    };
  }, [bucket, severalDays]);
  // New numbers in the same picture: what is under the pointer stays there.
  useEffect(() => {
    if (latest.current === points) return;
    latest.current = points;
    chart.current?.setData(columns(points));
  }, [points]);
  return (
    <div class="chart">
      <div class="chart-legend">
        <span class="key started">{text.onboarding.started}</span>
        <span class="key completed">{text.onboarding.completed}</span>
        <p ref={readout} class="readout muted" />
      </div>
      <div ref={host} class="plot" aria-hidden="true" />
    </div>
  );
}
