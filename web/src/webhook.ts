// Where senders post. The server cannot know its public address behind a proxy, but this page was reached through it.
import { getStatus } from "./api";

export function webhookUrlFrom(path: string): string {
  return new URL(path.replace(/^\/+/, ""), new URL(".", location.href)).href;
}

export async function webhookUrl(): Promise<string> {
  return webhookUrlFrom((await getStatus()).webhook_path);
}

export function isLoopback(url: string): boolean {
  const host = new URL(url).hostname;
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || host.startsWith("127.");
}
