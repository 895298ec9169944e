// A moment, as people say it; exact with the time zone on hover. All of them share one clock, which changes only what reads
// differently, and renders no component for that.
import { useEffect, useRef } from "preact/hooks";
import { serverNow } from "../api";
import * as format from "../format";
import { text } from "../text";

const shown = new Map<HTMLTimeElement, number>();
let ticking: ReturnType<typeof setInterval> | undefined;
let elsewhere = 0; // where the next turn of those that are not on the screen begins
const elsewherePerTick = 20;

const isNear = (element: HTMLTimeElement): boolean => {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > -innerHeight && top < 2 * innerHeight;
};

// Every changed word is laid out and painted, and a long list has hundreds that change each second. So those on the screen and near it
// are kept up to date, the others in turn.
function tick(): void {
  if (document.hidden) return;
  const now = serverNow();
  const turn = elsewhere;
  let others = 0;
  const due = [...shown].filter(([element]) => {
    if (isNear(element)) return true;
    const place = others++;
    return place >= turn && place < turn + elsewherePerTick;
  });
  elsewhere = turn + elsewherePerTick < others ? turn + elsewherePerTick : 0;
  for (const [element, time] of due) {
    const words = format.ago(time, now);
    if (element.textContent !== words) element.textContent = words;
  }
}

let scrolled: ReturnType<typeof setTimeout> | undefined;
document.addEventListener(
  "scroll",
  () => {
    scrolled ??= setTimeout(() => {
      scrolled = undefined;
      tick();
    }, 100);
  },
  { passive: true },
);
document.addEventListener("visibilitychange", tick);

function watch(element: HTMLTimeElement, time: number): () => void {
  shown.set(element, time);
  ticking ??= setInterval(tick, 1000);
  return () => {
    shown.delete(element);
    if (shown.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

export function Ago({ time }: { time: string | null }) {
  const element = useRef<HTMLTimeElement>(null);
  useEffect(() => {
    if (!element.current || time === null) return undefined;
    element.current.textContent = format.ago(Date.parse(time), serverNow());
    return watch(element.current, Date.parse(time));
  }, [time]);
  if (time === null) return <span class="muted">{text.none}</span>;
  // The words are set by the clock, never by a rendering: one owner for the text.
  return <time ref={element} dateTime={time} title={format.exact(time)} />;
}

// Both at once, where there is room.
export function When({ time }: { time: string | null }) {
  if (time === null) return <span class="muted">{text.none}</span>;
  return (
    <span class="when">
      <time dateTime={time}>{format.exact(time)}</time> <span class="muted">(<Ago time={time} />)</span>
    </span>
  );
}
