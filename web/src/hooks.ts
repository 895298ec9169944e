// What pages share: loading, the stream, and components that render only when their properties change.
import { Component, type ComponentChildren, type FunctionComponent } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "./api";
import { openStream, type StreamOptions } from "./stream";

export interface Loaded<T> {
  data: T | undefined; // the last good answer; stays while a newer one is on its way or failing
  failure: Failure | undefined;
  busy: boolean;
  reload(): void;
}

const retryMs = [1_000, 2_000, 4_000, 8_000];

const asFailure = (error: unknown): Failure => (error instanceof Failure ? error : new Failure("refused", String(error), false));

class Loader<T> {
  private readonly controller = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running = false;
  private again = false;
  private failures = 0;

  constructor(
    private readonly load: (signal: AbortSignal) => Promise<T>,
    private readonly show: (change: Partial<Loaded<T>>) => void,
  ) {}

  // A request that is under way is never cut off by the next: a slow answer to an old question beats none at all.
  async run(): Promise<void> {
    if (this.running) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    this.running = true;
    this.show({ busy: true });
    try {
      const data = await this.load(this.controller.signal);
      this.failures = 0;
      this.settle({ data, failure: undefined });
    } catch (error) {
      this.settle({ failure: asFailure(error) });
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    this.controller.abort();
  }

  private settle(change: Partial<Loaded<T>>): void {
    this.running = false;
    if (this.controller.signal.aborted) return;
    this.show({ ...change, busy: false });
    if (change.failure?.passing) {
      const wait = retryMs[Math.min(this.failures++, retryMs.length - 1)];
      this.timer = setTimeout(() => void this.run(), wait);
    }
    if (this.again) {
      this.again = false;
      if (!change.failure) void this.run();
    }
  }
}

// Loads when `inputs` change and when asked to. Passing failures are tried again without being asked.
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, inputs: readonly unknown[]): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, "reload">>({ data: undefined, failure: undefined, busy: true });
  const loader = useRef<Loader<T> | null>(null);
  useEffect(() => {
    const mine = new Loader<T>(load, (change) => setState((old) => ({ ...old, ...change })));
    loader.current = mine;
    void mine.run();
    return () => mine.stop();
  }, inputs);
  const reload = useCallback(() => void loader.current?.run(), []);
  return { ...state, reload };
}

// Calls `action` at most once in `ms`, the last time included, and not while nobody looks.
export function useThrottled(action: () => void, ms: number): () => void {
  const latest = useRef(action);
  latest.current = action;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const due = useRef(false);
  useEffect(() => {
    const onVisible = () => {
      if (document.hidden || !due.current) return;
      due.current = false;
      latest.current();
    };
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      document.removeEventListener("visibilitychange", onVisible);
      clearTimeout(timer.current);
    };
  }, []);
  return useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      if (document.hidden) due.current = true;
      else latest.current();
    }, ms);
  }, [ms]);
}

// Keeps a stream open while the component is there; `inputs` open a new one. `enabled` false: none yet.
export function useStream(options: StreamOptions, inputs: readonly unknown[], enabled = true): void {
  const latest = useRef(options);
  latest.current = options;
  useEffect(() => {
    if (!enabled) return undefined;
    return openStream({
      ...options,
      onBatch: (batch) => latest.current.onBatch(batch),
      onOpen: (again) => latest.current.onOpen?.(again),
    });
  }, [enabled, ...inputs]);
}

// Renders again only when a property is another one.
export function memo<P extends object>(render: (properties: P) => ComponentChildren): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const now = this.props as P;
      return Object.keys(next).some((key) => next[key as keyof P] !== now[key as keyof P]);
    }
    override render(): ComponentChildren {
      return render(this.props);
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}

// Does the screen fit a media query?
export function useMedia(query: string): boolean {
  const [fits, setFits] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const update = () => setFits(media.matches);
    update();
    media.addEventListener("change", update);
    return () => media.removeEventListener("change", update);
  }, [query]);
  return fits;
}

// Calls `action` every `ms` while somebody looks: for what no stream tells.
export function useRepeated(action: () => void, ms: number): void {
  useEffect(() => {
    const timer = setInterval(() => (document.hidden ? undefined : action()), ms);
    return () => clearInterval(timer);
  }, [action, ms]);
}
