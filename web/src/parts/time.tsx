// A moment, as people say it; exact with the time zone on hover. All of them share one clock, which changes only what reads
// differently, and renders no component for that.
import { useEffect, useRef } from "preact/hooks";
import * as format from "../format";
import { text } from "../text";

const shown = new Map<HTMLTimeElement, number>();
let ticking: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  if (document.hidden) return;
  const now = Date.now();
  for (const [element, time] of shown) {
    const words = format.ago(time, now);
    if (element.textContent !== words) element.textContent = words;
  }
}

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
    element.current.textContent = format.ago(Date.parse(time), Date.now());
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
