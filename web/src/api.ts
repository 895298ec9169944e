// The server's API: a type for every form of its JSON, and one function for every call. Addresses are relative to the page, so
// everything works under a path prefix.
import { memberText } from "./json-text";
import { Store } from "./store";
import { text } from "./text";

export type Time = string; // RFC 3339, UTC, milliseconds
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface List<T> {
  items: T[];
  next: string | null;
}

export interface WebhookEvent {
  seq: number;
  id: string;
  received_at: Time;
  occurred_at: Time | null;
  type: string | null;
  shape: string;
  app: string | null;
  integration_name: string | null;
  integration_id: string | null;
  connected_account_id: string | null;
  user_id: string | null;
  verified: boolean | null;
  duplicates: number;
}

export interface EventDetail extends WebhookEvent {
  payload: string; // as it was sent: JSON text
  headers: Record<string, string>;
  from: string | null;
}

export type Stalled = "slow" | "abandoned";

export interface Account {
  id: string;
  app: string | null;
  integration_name: string | null;
  integration_id: string | null;
  user_id: string | null;
  status: string;
  stalled: Stalled | null;
  attempts: number;
  first_seen_at: Time;
  started_at: Time | null;
  completed_at: Time | null;
  time_to_connect_s: number | null;
  last_event_at: Time;
  status_reason: string | null;
}

export type Outcome = "pending" | "completed" | "failed" | "expired" | "abandoned";

export interface Attempt {
  started_at: Time | null;
  ended_at: Time | null;
  outcome: Outcome;
  time_to_connect_s: number | null;
}

export interface AccountDetail {
  account: Account;
  attempts: Attempt[];
  timeline: WebhookEvent[]; // the newest
  timeline_next: string | null;
}

export interface Figures {
  started: number;
  completed: number;
  failed: number;
  expired: number;
  abandoned: number;
  pending: number;
  completion_rate: number | null;
  time_to_connect_s: { p50: number | null; p90: number | null; p99: number | null };
}

export interface Group extends Figures {
  key: string | null;
}

export interface Onboarding {
  since: Time;
  until: Time;
  total: Figures;
  groups: Group[];
  series: { t: Time; started: number; completed: number; abandoned: number; failed: number }[];
  histogram: { le_s: number | null; count: number }[];
}

export interface Refused {
  at: Time;
  code: string;
  message: string;
  from: string | null;
  bytes: number;
  connected_account_id: string | null;
}

export interface ServerStatus {
  version: string;
  started_at: Time;
  now: Time;
  ready: boolean;
  not_ready_reason: string | null;
  webhook_path: string;
  webhook_url: string;
  signatures: { checked: boolean; scheme: string; secrets: number };
  retention_s: number;
  dedupe_window_s: number;
  slow_after_s: number;
  abandoned_after_s: number;
  journal: { first_seq: number; last_seq: number; bytes: number };
  tracker: { seq: number; lag: number };
  stream_clients: number;
  last_webhook_at: Time | null;
  accounts: number;
}

export interface TestEvent {
  success: true;
  seq: number;
  id: string;
  connected_account_id: string | null;
}

export type Query = Record<string, string | number | null | undefined>;

export type FailureKind = "unreachable" | "unauthorized" | "missing" | "refused";

// Why a call did not work, with a sentence for the reader.
export class Failure extends Error {
  constructor(
    readonly kind: FailureKind,
    message: string,
    readonly passing: boolean, // worth trying again without being asked
  ) {
    super(message);
  }
}

// False while the server asks for a token that this browser does not have.
export const signedIn = new Store(true);

const answerTimeoutMs = 30_000;
const passingStatuses = new Set([408, 429, 502, 503, 504]);

export function address(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const tail = parameters.toString();
  return tail ? `${path}?${tail}` : path;
}

async function failureOf(response: Response): Promise<Failure> {
  let message = text.errors.strange(response.status);
  let explained = false;
  try {
    const body = (await response.json()) as { error?: { message?: string } };
    if (body.error?.message) {
      message = body.error.message;
      explained = true;
    }
  } catch {
    // A proxy's page, most likely.
  }
  if (response.status === 401) return new Failure("unauthorized", text.errors.unauthorized, false);
  if (response.status === 404) return new Failure("missing", message, false);
  if (!explained && passingStatuses.has(response.status)) return new Failure("unreachable", text.errors.unreachable, true);
  return new Failure("refused", message, passingStatuses.has(response.status));
}

async function call(path: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
  const limit = AbortSignal.timeout(answerTimeoutMs);
  const either = new AbortController();
  for (const source of [limit, signal]) {
    if (source?.aborted) either.abort(source.reason);
    source?.addEventListener("abort", () => either.abort(source.reason), { once: true });
  }
  let response: Response;
  try {
    response = await fetch(path, { ...init, signal: either.signal, credentials: "same-origin", cache: "no-store" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failure("unreachable", limit.aborted ? text.errors.timeout : text.errors.unreachable, true);
  }
  if (response.ok) return response;
  throw await failureOf(response);
}

async function requestText(path: string, init: RequestInit = {}, signal?: AbortSignal): Promise<string> {
  try {
    const response = await call(path, init, signal);
    return await response.text();
  } catch (error) {
    if (error instanceof Failure && error.kind === "unauthorized") signedIn.set(false);
    throw error;
  }
}

async function request<T>(path: string, init: RequestInit = {}, signal?: AbortSignal): Promise<T> {
  return JSON.parse(await requestText(path, init, signal)) as T;
}

function send<T>(method: string, path: string, body: Json): Promise<T> {
  return request<T>(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

// By how much the server's clock is ahead of this browser's. What a slow answer may explain is none.
let aheadMs = 0;
const clockSlackMs = 5_000;

// What the server takes for now: times in its answers are told by this clock.
export const serverNow = (): number => Date.now() + aheadMs;

export async function getStatus(signal?: AbortSignal): Promise<ServerStatus> {
  const status = await request<ServerStatus>("api/v1/status", {}, signal);
  const ahead = Date.parse(status.now) - Date.now();
  aheadMs = Math.abs(ahead) > clockSlackMs ? ahead : 0;
  return status;
}

export const getEvents = (query: Query, signal?: AbortSignal) =>
  request<List<WebhookEvent>>(address("api/v1/events", query), {}, signal);

export async function getEvent(seq: number, reveal: boolean, signal?: AbortSignal): Promise<EventDetail> {
  const source = await requestText(address(`api/v1/events/${seq}`, { reveal: reveal ? 1 : null }), {}, signal);
  return { ...(JSON.parse(source) as EventDetail), payload: memberText(source, "payload") ?? "" };
}

// The body exactly as it arrived.
export async function getRawBody(seq: number): Promise<string> {
  const response = await call(address(`api/v1/events/${seq}`, { raw: 1 }), {});
  return response.text();
}

export const getAccounts = (query: Query, signal?: AbortSignal) =>
  request<List<Account>>(address("api/v1/connected_accounts", query), {}, signal);

export const getAccount = (account: string, signal?: AbortSignal) =>
  request<AccountDetail>(address("api/v1/connected_account", { id: account }), {}, signal);

export const getOnboarding = (query: Query, signal?: AbortSignal) =>
  request<Onboarding>(address("api/v1/onboarding", query), {}, signal);

export const getRefused = (query: Query, signal?: AbortSignal) =>
  request<List<Refused>>(address("api/v1/refused", query), {}, signal);

export const sendTestEvent = () => send<TestEvent>("POST", "api/v1/test_event", {});

// Resolves to false when the token is wrong.
export async function signIn(token: string): Promise<boolean> {
  try {
    await call("api/v1/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }) });
    return true;
  } catch (error) {
    if (error instanceof Failure && error.kind === "unauthorized") return false;
    throw error;
  }
}

export async function signOut(): Promise<void> {
  await call("api/v1/session", { method: "DELETE" });
  signedIn.set(false);
}

// Goes on to the next page until `wanted` items are there or nothing is left: one page may hold fewer than its limit.
export async function collect<T>(
  load: (cursor: string | null) => Promise<List<T>>,
  cursor: string | null,
  wanted: number,
): Promise<List<T>> {
  const items: T[] = [];
  let next = cursor;
  do {
    const page = await load(next);
    items.push(...page.items);
    next = page.next;
  } while (next !== null && items.length < wanted);
  return { items, next };
}
