// JSON with two-space indentation; names, strings and other values apart in colour and nothing else.
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

// `source`: what json-text.ts laid out.
export function JsonView({ source, label }: { source: string; label: string }) {
  return (
    <pre class="json" role="region" aria-label={label} tabIndex={0}>
      <code>{source.length > plainOverCharacters ? source : coloured(source)}</code>
    </pre>
  );
}
