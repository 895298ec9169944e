// As much of PromQL as is needed to see which series an expression asks for.

const GROUPING = /\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const KEYWORDS = new Set(['and', 'or', 'unless', 'offset', 'bool', 'inf', 'nan']);

/** {selectors: [{name, matchers: [{label, op, value}]}], labels: [those that it groups by]} */
export function parseExpression(expression) {
    const labels = [];
    const rest = expression
        .replace(/\[[^\]]*\]/g, '')
        .replace(GROUPING, (_, word, list) => {
            if (word === 'by' || word === 'on') labels.push(...list.split(',').map((each) => each.trim()).filter(Boolean));
            return '';
        });
    const selectors = [];
    for (const [, name, braces, call] of rest.matchAll(/(?<![\w.$"])([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?\s*(\()?/g)) {
        if (call || KEYWORDS.has(name.toLowerCase())) continue;
        const matchers = [];
        for (const [, label, op, value] of (braces ?? '').matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g)) {
            matchers.push({ label, op, value });
        }
        selectors.push({ name, matchers });
    }
    return { selectors, labels };
}

/** The samples of a /metrics page: name -> label -> set of values. */
export function parseExposition(text) {
    const names = new Map();
    for (const line of text.split('\n')) {
        if (!line || line.startsWith('#')) continue;
        const [, name, braces] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/.exec(line);
        if (!names.has(name)) names.set(name, new Map());
        const labels = names.get(name);
        for (const [, label, value] of (braces ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
            if (!labels.has(label)) labels.set(label, new Set());
            labels.get(label).add(value);
        }
    }
    return names;
}

/** What an expression asks for that no such page has, in words. Prometheus itself adds `up`, job and instance. */
export function missing(expression, exposed) {
    const { selectors, labels } = parseExpression(expression);
    const found = [];
    const own = new Set(['job', 'instance']);
    const known = new Set(own);
    for (const { name, matchers } of selectors) {
        if (name === 'up') continue;
        const series = exposed.get(name);
        if (!series) {
            found.push(`no metric ${name}`);
            continue;
        }
        for (const label of series.keys()) known.add(label);
        for (const { label, op, value } of matchers) {
            if (own.has(label)) continue;
            if (!series.has(label)) found.push(`${name} has no label ${label}`);
            else if (!value.includes('$')) {
                const wanted = op.endsWith('~') ? value.split('|') : [value];
                for (const each of wanted) if (!series.get(label).has(each)) found.push(`${name} has no ${label}="${each}"`);
            }
        }
    }
    if (selectors.length === 0) found.push('asks for no metric');
    for (const label of labels) if (!known.has(label)) found.push(`none of its metrics has a label ${label}`);
    return found;
}
