// JSON with two-space indentation; names, strings and other values apart in colour and nothing else.
import type { Json } from "../api";

const token = /("(?:\\.|[^"\\])*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g;
const plainOverCharacters = 40_000; // colouring costs an element for every value

function coloured(source: string) {
  const parts = [];
  let end = 0;
  for (const match of source.matchAll(token)) {
    parts.push(source.slice(end, match.index));
    const kind = match[2] ? "j-name" : match[1] ? "j-string" : "j-value";
    parts.push(<span class={kind}>{match[1] ?? match[0]}</span>, match[2] ?? "");
    end = match.index + match[0].length;
  }
  parts.push(source.slice(end));
  return parts;
}

export const pretty = (value: Json): string => JSON.stringify(value, null, 2);

export function JsonView({ value, label }: { value: Json; label: string }) {
  const source = pretty(value);
  return (
    <pre class="json" role="region" aria-label={label} tabIndex={0}>
      <code>{source.length > plainOverCharacters ? source : coloured(source)}</code>
    </pre>
  );
}
