import { useMemo, useRef, useState } from "preact/hooks";
import { getOnboarding, serverNow, type Figures, type Group, type Onboarding, type ServerStatus } from "../api";
import * as format from "../format";
import type { Bucket } from "../format";
import { useLoad, useMedia, useStream, useThrottled } from "../hooks";
import { Chart, type Point } from "../parts/chart";
import { FirstSteps } from "../parts/first-steps";
import { Icon } from "../parts/icon";
import { App, Choice, Empty, PageHead, Scroll, Section, Select, Show } from "../parts/ui";
import { setQuery } from "../route";
import { useServer } from "../shell";
import { text } from "../text";

const t = text.onboarding;

interface Period {
  key: string;
  bucket: Bucket;
  length: number; // milliseconds
}

const hour = 3600_000;
const day = 24 * hour;
const bucketLength: Record<Bucket, number> = { minute: 60_000, hour, day };

const periods: readonly Period[] = [
  { key: "1h", bucket: "minute", length: hour },
  { key: "24h", bucket: "hour", length: day },
  { key: "7d", bucket: "hour", length: 7 * day },
  { key: "30d", bucket: "day", length: 30 * day },
  { key: "90d", bucket: "day", length: 90 * day },
];
const usual = periods[1] as Period;
const refreshMs = 2000;

type By = "app" | "integration";

// With what was asked for: while the next answer is on its way, this one must not be shown under another name.
interface Comparison {
  period: Period;
  by: By;
  now: Onboarding;
  settled: Settled;
}

// What changes are told from: two spans of the same length, one after the other.
interface Settled {
  until: number; // milliseconds
  now: Figures;
  before: Figures;
}

const usualWait = 12 * 60; // seconds

// The figures of the period go on to this moment, and the server widens them to whole buckets. Compared with whole buckets before,
// steady use would look as if it fell: part of the last bucket is still to come, and the newest connections are still under way. So
// what is compared ends with the last bucket whose connections have all had their time.
function settledUntil({ bucket, length }: Period, status: ServerStatus | undefined): number {
  const wait = Math.min((status?.abandoned_after_s ?? usualWait) * 1000, length / 4);
  const step = bucketLength[bucket];
  return Math.floor((serverNow() - wait) / step) * step;
}

async function getSettled({ bucket, length }: Period, until: number, signal: AbortSignal): Promise<Settled> {
  const span = async (end: number) => {
    const [since, till] = [end - length, end].map((time) => new Date(time).toISOString());
    return (await getOnboarding({ since, until: till, bucket }, signal)).total;
  };
  const [now, before] = await Promise.all([span(until), span(until - length)]);
  return { until, now, before };
}

// What is settled is asked for once in a bucket.
function useComparison(period: Period, by: By, status: ServerStatus | undefined) {
  const latestStatus = useRef(status);
  latestStatus.current = status;
  const kept = useRef<{ key: string; settled: Settled } | null>(null);
  return useLoad<Comparison>(
    async (signal) => {
      const until = settledUntil(period, latestStatus.current);
      const key = `${period.key} ${until}`;
      const again = kept.current?.key === key ? kept.current.settled : getSettled(period, until, signal);
      const [now, settled] = await Promise.all([getOnboarding({ since: period.key, by, bucket: period.bucket }, signal), again]);
      kept.current = { key, settled };
      return { period, by, now, settled };
    },
    [period.key, by],
  );
}

type Change = { words: string; better: boolean | null; rising: boolean | null; figures: string };

interface Kind {
  step: number; // what the words round to; less than half of it is no change that could be told
  words(difference: number): string;
  format(value: number): string;
  moreIsBetter: boolean | null;
}

function changeOf(now: number | null, before: number | null, kind: Kind): Change | null {
  if (now === null || before === null) return null;
  const difference = now - before;
  const figures = t.both(kind.format(now), kind.format(before));
  if (Math.abs(difference) < kind.step / 2) return { words: t.same, better: null, rising: null, figures };
  const rising = difference > 0;
  return { words: kind.words(difference), better: kind.moreIsBetter === null ? null : rising === kind.moreIsBetter, rising, figures };
}

function relativeWords(before: number) {
  return (difference: number) => {
    const amount = format.wholePercent(Math.abs(difference) / before);
    return difference > 0 ? t.up(amount) : t.down(amount);
  };
}

function changes(now: Figures, before: Figures) {
  const points = (difference: number) => {
    const amount = t.points(format.decimal(Math.abs(difference) * 100));
    return difference > 0 ? t.up(amount) : t.down(amount);
  };
  const speed = (difference: number) =>
    difference > 0 ? t.slower(format.duration(difference)) : t.faster(format.duration(-difference));
  const count = (a: number, b: number, moreIsBetter: boolean | null) =>
    b === 0 ? null : changeOf(a, b, { step: b / 100, words: relativeWords(b), format: format.number, moreIsBetter });
  const [medianNow, medianBefore] = [now.time_to_connect_s.p50, before.time_to_connect_s.p50];
  return {
    started: count(now.started, before.started, null),
    completed: count(now.completed, before.completed, true),
    rate: changeOf(now.completion_rate, before.completion_rate, { step: 0.001, words: points, format: format.percent, moreIsBetter: true }),
    median: changeOf(medianNow, medianBefore, { step: 0.1, words: speed, format: format.duration, moreIsBetter: false }),
  };
}

function Tile({ label, value, change, period }: { label: string; value: string; change: Change | null; period: string }) {
  const tone = !change || change.better === null ? "" : change.better ? " better" : " worse";
  return (
    <div class="tile">
      <dt>{label}</dt>
      <dd>
        <span class="tile-value">{value}</span>
        <span class={`tile-change${tone}`}>
          {change ? (
            <>
              {change.rising === null ? null : <Icon name={change.rising ? "up" : "down"} />}
              <span title={change.figures}>{change.words}</span> <span class="muted versus">{t.versus(period)}</span>
            </>
          ) : (
            <span class="muted">{t.nothingBefore}</span>
          )}
        </span>
      </dd>
    </div>
  );
}

function Tiles({ comparison, period }: { comparison: Comparison; period: string }) {
  const { total } = comparison.now;
  const { until, now, before } = comparison.settled;
  const change = changes(now, before);
  const compared = Object.values(change).some((each) => each !== null);
  return (
    <div>
      <dl class="tiles" aria-label={t.figures}>
        <Tile label={t.started} value={format.number(total.started)} change={change.started} period={period} />
        <Tile label={t.completed} value={format.number(total.completed)} change={change.completed} period={period} />
        <Tile label={t.rate} value={format.percent(total.completion_rate)} change={change.rate} period={period} />
        <Tile label={t.median} value={format.duration(total.time_to_connect_s.p50)} change={change.median} period={period} />
      </dl>
      {compared ? <p class="tiles-note muted small-text">{t.compared(period, format.bucketEnd(until, comparison.period.bucket))}</p> : null}
    </div>
  );
}

function Trend({ now, bucket }: { now: Onboarding; bucket: Bucket }) {
  const points = useMemo<Point[]>(
    () => now.series.map((item) => ({ time: Date.parse(item.t), started: item.started, completed: item.completed })),
    [now],
  );
  return (
    <Section title={t.chart} help={bucket === "day" ? t.chartHelpDays : t.chartHelp}>
      <Chart points={points} bucket={bucket} />
      <details>
        <summary>{text.asTable}</summary>
        <Scroll label={t.chartCaption}>
          <table>
            <caption class="offscreen">{t.chartCaption}</caption>
            <thead>
              <tr>
                <th scope="col">{t.from}</th>
                <th scope="col" class="number">
                  {t.started}
                </th>
                <th scope="col" class="number">
                  {t.completed}
                </th>
                <th scope="col" class="number">
                  {t.abandoned}
                </th>
                <th scope="col" class="number">
                  {t.failed}
                </th>
              </tr>
            </thead>
            <tbody>
              {now.series.map((item) => (
                <tr key={item.t}>
                  <th scope="row">{format.bucketLabel(Date.parse(item.t), bucket, true)}</th>
                  <td class="number">{format.number(item.started)}</td>
                  <td class="number">{format.number(item.completed)}</td>
                  <td class="number">{format.number(item.abandoned)}</td>
                  <td class="number">{format.number(item.failed)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </details>
    </Section>
  );
}

type Column = "key" | "started" | "completed" | "rate" | "failed" | "expired" | "abandoned" | "pending" | "p50" | "p90";

const valueOf: Record<Column, (group: Group) => number | string | null> = {
  key: (group) => group.key,
  started: (group) => group.started,
  completed: (group) => group.completed,
  rate: (group) => group.completion_rate,
  failed: (group) => group.failed,
  expired: (group) => group.expired,
  abandoned: (group) => group.abandoned,
  pending: (group) => group.pending,
  p50: (group) => group.time_to_connect_s.p50,
  p90: (group) => group.time_to_connect_s.p90,
};

// `room`: how much of it a column wants (tables.css).
const columns: readonly { column: Column; label: string; room?: string }[] = [
  { column: "started", label: t.started },
  { column: "completed", label: t.completed },
  { column: "rate", label: t.rateShort },
  { column: "failed", label: t.failed, room: "wider" },
  { column: "expired", label: t.expired, room: "wider" },
  { column: "abandoned", label: t.abandoned, room: "wider" },
  { column: "pending", label: t.pending, room: "wider" },
  { column: "p50", label: t.p50, room: "wide" },
  { column: "p90", label: t.p90Short, room: "wide" },
];

interface Sorting {
  column: Column;
  descending: boolean;
}

// Rows without a value come last, whichever way the others go.
function sorted(groups: readonly Group[], { column, descending }: Sorting): Group[] {
  const value = valueOf[column];
  const compare = (a: Group, b: Group) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    const order = typeof x === "string" ? x.localeCompare(String(y)) : x - (y as number);
    return descending ? -order : order;
  };
  return [...groups].sort((a, b) => compare(a, b) || b.started - a.started || (a.key ?? "").localeCompare(b.key ?? ""));
}

function SortHeader({ label, column, sorting, onSort, kind }: { label: string; column: Column; sorting: Sorting; onSort(sorting: Sorting): void; kind: string }) {
  const active = sorting.column === column;
  return (
    <th scope="col" class={kind} aria-sort={active ? (sorting.descending ? "descending" : "ascending") : undefined}>
      <button
        type="button"
        class={active ? "sort active" : "sort"}
        title={t.sortBy(label)}
        onClick={() => onSort({ column, descending: active ? !sorting.descending : column !== "key" })}
      >
        {label}
        {active ? <Icon name={sorting.descending ? "down" : "up"} /> : null}
      </button>
    </th>
  );
}

// What became of the connections, drawn to scale. The numbers stand beside it.
function OutcomeBar({ group, most }: { group: Group; most: number }) {
  const parts: [string, number][] = [
    ["completed", group.completed],
    ["pending", group.pending],
    ["lost", group.failed + group.expired + group.abandoned],
  ];
  let left = 0;
  return (
    <svg class="outcome" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      {parts.map(([name, count]) => {
        const width = (100 * count) / Math.max(1, most);
        const x = left;
        left += width;
        return width > 0 ? <rect key={name} class={name} x={x} y={0} width={width} height={8} /> : null;
      })}
    </svg>
  );
}

const shortListRows = 12;

interface FunnelProperties {
  groups: Group[];
  by: By; // what the groups are
  chosen: By; // what was asked for last; another one while its answer is on its way
  onBy(by: By): void;
}

function Funnel({ groups, by, chosen, onBy }: FunnelProperties) {
  const [sorting, setSorting] = useState<Sorting>({ column: "started", descending: true });
  const [all, setAll] = useState(false);
  const rows = sorted(groups, sorting);
  const most = Math.max(...groups.map((group) => group.started));
  const label = by === "app" ? t.byApp : t.byIntegration;
  const header = { sorting, onSort: setSorting };
  const rest = rows.length - shortListRows;
  const room = useRoom();
  const sort = (column: string) => setSorting({ column: column as Column, descending: column !== "key" });
  const names = [{ value: "key", label }, ...columns.map(({ column, label: name }) => ({ value: column, label: name }))];
  return (
    <Section
      title={t.funnel}
      flush
      tools={
        <div class="funnel-tools">
          {room === "whole" ? null : <Select label={t.sort} options={names} value={sorting.column} onChange={sort} />}
          <Choice
            label={t.by}
            options={[
              { value: "app", label: t.byApp },
              { value: "integration", label: t.byIntegration },
            ]}
            value={chosen}
            onChange={(value) => onBy(value as By)}
          />
        </div>
      }
    >
      <Scroll label={t.funnelCaption(label)}>
        <table class="funnel">
          <caption class="offscreen">{t.funnelCaption(label)}</caption>
          <thead>
            <tr>
              <SortHeader label={label} column="key" kind="" {...header} />
              <th scope="col" class="wide outcome-column">
                {t.outcome}
              </th>
              {columns.map(({ column, label: name, room = "" }) => (
                <SortHeader key={column} label={name} column={column} kind={`number ${room}`} {...header} />
              ))}
            </tr>
          </thead>
          <tbody>
            {(all ? rows : rows.slice(0, shortListRows)).map((group) => (
              <FunnelRow key={group.key} group={group} most={most} room={room} />
            ))}
          </tbody>
        </table>
      </Scroll>
      <p class="keys muted small-text" aria-hidden="true">
        <span class="key completed">{t.completed}</span>
        <span class="key pending">{t.pending}</span>
        <span class="key lost">
          {t.failed}, {t.expired.toLowerCase()}, {t.abandoned.toLowerCase()}
        </span>
      </p>
      {rest > 0 && !all ? (
        <div class="more">
          <button type="button" class="button" onClick={() => setAll(true)}>
            {t.showAll(rest)}
          </button>
        </div>
      ) : null}
    </Section>
  );
}

// What a narrow screen has no column for stands below the row.
type Room = "whole" | "some" | "little";

function useRoom(): Room {
  const some = useMedia("(max-width: 1180px)");
  const little = useMedia("(max-width: 900px)");
  return little ? "little" : some ? "some" : "whole";
}

const columnsLeft: Record<Room, number> = { whole: 11, some: 7, little: 4 };
const lossColumns = columns.filter(({ room }) => room === "wider");
const timeColumns = columns.filter(({ room }) => room === "wide");

function RestOfRow({ group, most, room }: { group: Group; most: number; room: Room }) {
  const facts = (list: typeof columns, written: (value: number | null) => string) => (
    <ul>
      {list.map(({ column, label }) => {
        const value = valueOf[column](group) as number | null;
        return (
          <li key={column} class={value === 0 ? "muted" : undefined}>
            <span class="muted">{label}</span> {written(value)}
          </li>
        );
      })}
    </ul>
  );
  return (
    <tr class="rest-row">
      <td colSpan={columnsLeft[room]}>
        {room === "little" ? <OutcomeBar group={group} most={most} /> : null}
        <div class="rest small-text">
          {facts(lossColumns, (value) => format.number(value ?? 0))}
          {room === "little" ? facts(timeColumns, format.duration) : null}
        </div>
      </td>
    </tr>
  );
}

// Nothing is usual here, so it steps back and what is not nothing is seen.
function CountCell({ value }: { value: number }) {
  return <td class={value === 0 ? "number wider muted" : "number wider"}>{format.number(value)}</td>;
}

function FunnelRow({ group, most, room }: { group: Group; most: number; room: Room }) {
  const time = group.time_to_connect_s;
  const row = (
    <tr class={room === "whole" ? undefined : "with-rest"}>
      <th scope="row">
        <App name={group.key || text.unknown} />
      </th>
      <td class="wide outcome-column">
        <OutcomeBar group={group} most={most} />
      </td>
      <td class="number">{format.number(group.started)}</td>
      <td class="number">{format.number(group.completed)}</td>
      <td class="number">{format.percent(group.completion_rate)}</td>
      <CountCell value={group.failed} />
      <CountCell value={group.expired} />
      <CountCell value={group.abandoned} />
      <CountCell value={group.pending} />
      <td class="number wide">{format.duration(time.p50)}</td>
      <td class="number wide">{format.duration(time.p90)}</td>
    </tr>
  );
  if (room === "whole") return row;
  return (
    <>
      {row}
      <RestOfRow group={group} most={most} room={room} />
    </>
  );
}

const steps = [5, 10, 20, 30, 60, 120, 300, 600]; // seconds; what took longer is one row

// The server's buckets are fine; people compare a handful.
function distribution(histogram: Onboarding["histogram"]): { label: string; count: number }[] {
  const counts = new Array<number>(steps.length + 1).fill(0);
  for (const { le_s, count } of histogram) {
    const step = le_s === null ? -1 : steps.findIndex((limit) => le_s <= limit * 1.0001);
    const row = step < 0 ? steps.length : step;
    counts[row] = (counts[row] ?? 0) + count;
  }
  return counts.map((count, row) => {
    const from = steps[row - 1];
    const to = steps[row];
    if (from === undefined) return { label: t.upTo(format.duration(to)), count };
    return { label: to === undefined ? t.over(format.duration(from)) : t.between(format.duration(from), format.duration(to)), count };
  });
}

function Distribution({ now }: { now: Onboarding }) {
  const rows = useMemo(() => distribution(now.histogram), [now]);
  const sum = rows.reduce((total, row) => total + row.count, 0);
  const most = Math.max(...rows.map((row) => row.count));
  const { p50, p90 } = now.total.time_to_connect_s;
  if (sum === 0) {
    return (
      <Section title={t.distribution}>
        <Empty icon="clock" title={t.noneCompleted} />
      </Section>
    );
  }
  return (
    <Section title={t.distribution} help={t.distributionSummary(format.duration(p50), format.duration(p90))}>
      <table class="distribution">
        <caption class="offscreen">{t.distributionCaption}</caption>
        <thead class="offscreen">
          <tr>
            <th scope="col">{t.took}</th>
            <th scope="col">{t.connections}</th>
            <th scope="col">{t.share}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.label}>
              <th scope="row">{row.label}</th>
              <td class="bar-cell">
                <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                  <rect x="0" y="0" width={(100 * row.count) / most} height="8" />
                </svg>
                <span class="number">{format.number(row.count)}</span>
              </td>
              <td class="number muted">{format.percent(row.count / sum)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

function Contents({ comparison, chosen, onBy }: { comparison: Comparison; chosen: By; onBy(by: By): void }) {
  const { now, period, by } = comparison;
  return (
    <>
      <Tiles comparison={comparison} period={t.periodShort[period.key] ?? period.key} />
      {now.total.started === 0 && now.total.completed === 0 ? (
        <Empty icon="onboarding" title={t.nothing}>
          {t.nothingHelp}
        </Empty>
      ) : (
        <>
          <div class="two">
            <Trend now={now} bucket={period.bucket} />
            <Distribution now={now} />
          </div>
          <Funnel groups={now.groups} by={by} chosen={chosen} onBy={onBy} />
        </>
      )}
    </>
  );
}

export function OnboardingPage({ query }: { query: URLSearchParams }) {
  const server = useServer();
  const period = periods.find((known) => known.key === query.get("period")) ?? usual;
  const by: By = query.get("by") === "integration" ? "integration" : "app";
  const loaded = useComparison(period, by, server.data);
  const untouched = server.data?.journal.last_seq === 0;
  const refresh = useThrottled(() => {
    loaded.reload();
    if (untouched) server.reload();
  }, refreshMs);
  useStream({ onBatch: refresh, onOpen: (again) => (again ? refresh() : undefined) }, []);
  return (
    <>
      <PageHead title={text.pages.onboarding} intro={t.intro}>
        {untouched ? null : (
          <Choice
            label={t.period}
            options={periods.map(({ key }) => ({ value: key, label: t.periodShort[key] ?? key, long: t.periods[key] }))}
            value={period.key}
            onChange={(value) => setQuery({ period: value === usual.key ? "" : value })}
          />
        )}
      </PageHead>
      {untouched && server.data ? (
        <FirstSteps status={server.data} />
      ) : (
        <Show loaded={loaded} lines={10}>
          {(comparison) => (
            <Contents comparison={comparison} chosen={by} onBy={(value) => setQuery({ by: value === "app" ? "" : value })} />
          )}
        </Show>
      )}
    </>
  );
}
