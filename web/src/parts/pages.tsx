// Lists that come in pages: the first page, and a button for more.
import { useRef } from "preact/hooks";
import { collect, type List } from "../api";
import { useLoad, type Loaded } from "../hooks";
import { text } from "../text";

export interface Paged<T> extends Loaded<List<T>> {
  more(): void;
}

const maxLimit = 500; // the server's
const moreRows = 50;

// `wanted`: goes on until so many are there, as one page of a search may hold few. Reloading keeps as many rows as were there, so
// "more" is to want more and to load again: what is shown is always of one moment.
export function usePages<T>(
  load: (cursor: string | null, limit: number, signal: AbortSignal) => Promise<List<T>>,
  wanted: number,
  inputs: readonly unknown[],
): Paged<T> {
  const target = useRef(wanted);
  const key = JSON.stringify(inputs);
  const lastKey = useRef(key);
  if (lastKey.current !== key) {
    lastKey.current = key;
    target.current = wanted;
  }
  const loaded = useLoad(
    (signal) => collect((cursor) => load(cursor, Math.min(target.current, maxLimit), signal), null, target.current),
    [key],
  );
  const more = () => {
    target.current = (loaded.data?.items.length ?? 0) + moreRows;
    loaded.reload();
  };
  return { ...loaded, more };
}

export function More<T>({ pages }: { pages: Paged<T> }) {
  if (!pages.data?.next) return null;
  return (
    <div class="more">
      <button type="button" class="button" aria-disabled={pages.busy} onClick={() => (pages.busy ? undefined : pages.more())}>
        {pages.busy ? text.searchingFurther : text.more}
      </button>
    </div>
  );
}
