// The rows of the live page: bounded, without gap, and still while somebody reads.
//
// While held, new events wait beside the rows. Rows and waiting events together are always the newest ones: what is beyond the bound is
// dropped at the old end, so letting go never leaves a hole between rows.
import type { WebhookEvent } from "./api";

export const rowBound = 500;

export class LiveList {
  rows: WebhookEvent[] = []; // newest first
  waiting: WebhookEvent[] = []; // newest first
  waitingCount = 0; // with those that were dropped
  full = false; // older rows were dropped
  newest: number; // the highest number seen

  constructor(history: WebhookEvent[]) {
    this.rows = history.slice(0, rowBound);
    this.newest = history[0]?.seq ?? 0;
  }

  // `events` oldest first. Numbers only grow, so what is not newer came twice.
  add(events: WebhookEvent[], arrived: number, hold: boolean): void {
    const fresh = events.filter((event) => event.seq > this.newest).reverse();
    if (fresh[0]) this.newest = fresh[0].seq;
    this.waiting = [...fresh, ...this.waiting].slice(0, rowBound);
    this.waitingCount += fresh.length + (arrived - events.length);
    if (!hold) this.release();
  }

  release(): void {
    if (this.waitingCount === 0) return;
    // When some of the waiting were dropped, older rows would follow after a hole.
    const whole = this.waitingCount === this.waiting.length;
    const joined = whole ? [...this.waiting, ...this.rows] : this.waiting;
    this.full ||= !whole || joined.length > rowBound;
    this.rows = joined.slice(0, rowBound);
    this.waiting = [];
    this.waitingCount = 0;
  }

  addOlder(events: WebhookEvent[]): void {
    const oldest = this.rows.at(-1)?.seq ?? Infinity;
    this.rows = [...this.rows, ...events.filter((event) => event.seq < oldest)].slice(0, rowBound);
  }
}
