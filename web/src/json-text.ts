// JSON as text. A payload is shown and copied as it was sent: reading it into values would round large numbers, drop the zero of 1.0
// and put members into another order.

const punctuation = "{}[],:";
const endsValue = `${punctuation}" \t\r\n`;
const maxIndents = 40; // deeper levels are as far to the right as this one

function stringEnd(source: string, start: number): number {
  let at = start + 1;
  while (at < source.length && source[at] !== '"') at += source[at] === "\\" ? 2 : 1;
  return at + 1;
}

function valueEnd(source: string, start: number): number {
  let at = start + 1;
  while (at < source.length && !endsValue.includes(source.charAt(at))) at++;
  return at;
}

// Where each token begins and ends.
function* tokens(source: string): Generator<[number, number]> {
  let at = 0;
  while (at < source.length) {
    const first = source.charAt(at);
    const start = at;
    if (first <= " ") at++;
    else at = punctuation.includes(first) ? at + 1 : first === '"' ? stringEnd(source, at) : valueEnd(source, at);
    if (first > " ") yield [start, at];
  }
}

// The text of a member of the object that `source` is; null when it has none.
export function memberText(source: string, name: string): string | null {
  const wanted = JSON.stringify(name);
  let depth = 0;
  let previous = "";
  let from = -1;
  for (const [start, end] of tokens(source)) {
    const token = source.slice(start, end);
    if (depth === 1 && from >= 0 && (token === "," || token === "}")) return source.slice(from, start).trim();
    if (depth === 1 && from < 0 && token === ":" && previous === wanted) from = end;
    if (token === "{" || token === "[") depth++;
    if (token === "}" || token === "]") depth--;
    previous = token;
  }
  return null;
}

// With two-space indentation; every token stays as it is.
export function pretty(source: string): string {
  const pieces: string[] = [];
  let depth = 0;
  let previous = "";
  const newLine = () => pieces.push("\n", "  ".repeat(Math.min(depth, maxIndents)));
  for (const [start, end] of tokens(source)) {
    const token = source.slice(start, end);
    const closes = token === "}" || token === "]";
    const opened = previous === "{" || previous === "[";
    if (closes) depth--;
    if (closes ? !opened : opened || previous === ",") newLine();
    pieces.push(token === ":" ? ": " : token);
    if (token === "{" || token === "[") depth++;
    previous = token;
  }
  return pieces.join("");
}
