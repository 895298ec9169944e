// The live stream of the server.
//
// Messages are gathered and handed over a few times per second, so that a flood costs a few renderings and not one each. What is
// not handed over yet is bounded: the oldest are left out first. The browser reconnects by itself and says what it saw last; when it
// gives up (an answer other than 200), we open a new stream from the last event we saw. Either way nothing is missed.
//
// A browser keeps at most six HTTP/1.1 connections to one server, over all its tabs, and every stream holds one. So a tab that nobody
// has looked at for a while gives its stream back, and goes on from where it was when it is looked at again.
import { address, getEvents, type Account, type Failure, type Query, type WebhookEvent } from "./api";
import { Store } from "./store";

export type Link = "connecting" | "live" | "lost";

export const link = new Store<Link>("connecting");

export const batchBound = 500;
const flushMs = 200;
const floodFlushMs = 400; // when many come at once, nobody follows each
const floodEvents = 40;
const firstRetryMs = 1_000;
const lastRetryMs = 15_000;
const restAfterMs = 30_000;

export interface Batch {
  events: WebhookEvent[]; // oldest first
  accounts: Account[]; // the newest state of each
  arrived: number; // events that came, also those beyond the bound
}

export interface StreamOptions {
  filter?: Query;
  after?: number | null; // from the next event on; null: from now on
  onBatch(batch: Batch): void;
  onOpen?(again: boolean): void; // every time a connection is there
}

interface Pending {
  events: string[];
  accounts: string[];
  arrived: number;
}

const nothing = (): Pending => ({ events: [], accounts: [], arrived: 0 });

// A ring would do without moving; cutting when twice the bound is there costs little and stays an array.
function push(list: string[], value: string): void {
  list.push(value);
  if (list.length > 2 * batchBound) list.splice(0, list.length - batchBound);
}

function newestOfEach(messages: string[]): Account[] {
  const accounts = new Map<string, Account>();
  for (const message of messages) {
    const account = JSON.parse(message) as Account;
    accounts.delete(account.id);
    accounts.set(account.id, account);
  }
  return [...accounts.values()];
}

class Stream {
  private source: EventSource | null = null;
  private pending = nothing();
  private flooded = false;
  private flushTimer: ReturnType<typeof setTimeout> | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private restTimer: ReturnType<typeof setTimeout> | undefined;
  private retryMs = firstRetryMs;
  private lastId: string;
  private opened = false;
  private closed = false;

  constructor(private readonly options: StreamOptions) {
    this.lastId = options.after === null || options.after === undefined ? "" : String(options.after);
    document.addEventListener("visibilitychange", this.onVisibility);
    this.connect();
  }

  close(): void {
    this.closed = true;
    document.removeEventListener("visibilitychange", this.onVisibility);
    clearTimeout(this.flushTimer);
    clearTimeout(this.restTimer);
    this.disconnect();
  }

  private readonly onVisibility = (): void => {
    clearTimeout(this.restTimer);
    if (document.hidden) this.restTimer = setTimeout(() => this.disconnect(), restAfterMs);
    else if (!this.source) this.connect();
  };

  private disconnect(): void {
    clearTimeout(this.retryTimer);
    this.source?.close();
    this.source = null;
  }

  private connect(): void {
    clearTimeout(this.retryTimer);
    const source = new EventSource(address("api/v1/stream", { ...this.options.filter, after: this.lastId }));
    this.source = source;
    source.onopen = () => this.onOpen();
    source.onerror = () => this.onError(source);
    source.addEventListener("event", (message: MessageEvent<string>) => {
      this.lastId = message.lastEventId || this.lastId;
      this.pending.arrived++;
      this.gather(this.pending.events, message.data);
    });
    source.addEventListener("account", (message: MessageEvent<string>) => this.gather(this.pending.accounts, message.data));
  }

  private gather(list: string[], data: string): void {
    push(list, data);
    this.flushTimer ??= setTimeout(() => this.flush(), this.flooded ? floodFlushMs : flushMs);
  }

  private flush(): void {
    this.flushTimer = undefined;
    const { events, accounts, arrived } = this.pending;
    this.pending = nothing();
    this.flooded = arrived >= floodEvents;
    this.options.onBatch({
      events: events.slice(-batchBound).map((data) => JSON.parse(data) as WebhookEvent),
      accounts: newestOfEach(accounts.slice(-batchBound)),
      arrived,
    });
  }

  private onOpen(): void {
    this.retryMs = firstRetryMs;
    link.set("live");
    this.options.onOpen?.(this.opened);
    this.opened = true;
  }

  private onError(source: EventSource): void {
    if (this.source !== source) return;
    link.set("lost");
    if (source.readyState !== EventSource.CLOSED) return; // the browser is trying again
    this.retryTimer = setTimeout(() => void this.tryAgain(), this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, lastRetryMs);
  }

  // An EventSource does not tell why it was refused. An ordinary call with the same filter does, and sends us to the login page when
  // it must. A filter that the server does not take will not be taken later either; the page's own question tells that.
  private async tryAgain(): Promise<void> {
    try {
      await getEvents({ ...this.options.filter, limit: 1 });
    } catch (error) {
      const { kind, passing } = error as Failure;
      if (kind === "unauthorized" || this.closed) return;
      if (kind === "refused" && !passing) {
        link.set("live");
        return;
      }
    }
    // Meanwhile the tab may have gone to rest.
    if (!this.closed && this.source) this.connect();
  }
}

// Returns the function that ends it.
export function openStream(options: StreamOptions): () => void {
  const stream = new Stream(options);
  return () => stream.close();
}
