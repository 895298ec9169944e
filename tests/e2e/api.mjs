// The API as its own OpenAPI document describes it: every answer that a test gets is held against the document, and members
// that it does not name are faults.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';

import Ajv2020 from 'ajv/dist/2020.js';

import { assertStored, request, until } from './harness.mjs';

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Turns "/a/{id}/b" into an expression for its paths. */
const pathExpression = (template) => new RegExp(`^${template.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`);

function closed(schema) {
    return schema.properties ? { additionalProperties: false, ...schema } : schema;
}

export class Api {
    /** What the server says of itself. */
    static async open(server) {
        const answer = await server.request({ path: '/openapi.json' });
        assert.equal(answer.status, 200, answer.text);
        return new Api(server, answer.json);
    }

    constructor(server, document) {
        this.server = server;
        this.document = document;
        this.exercised = new Set();
        this.agent = false;
        this.ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true, formats: { 'date-time': INSTANT } });
        this.ajv.addKeyword('components');
        const schemas = Object.entries(document.components.schemas).map(([name, schema]) => [name, closed(schema)]);
        this.ajv.addSchema({ $id: 'api', components: { schemas: Object.fromEntries(schemas) } });
        this.operations = Object.entries(document.paths).flatMap(([path, methods]) =>
            Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
        );
    }

    get authorization() {
        return { authorization: `Bearer ${this.server.token}` };
    }

    operationOf(method, target) {
        const path = target.split('?')[0];
        const wanted = method === 'HEAD' ? 'GET' : method;
        const fits = (each) => each.method === wanted && pathExpression(each.path).test(path);
        const found = this.operations.filter(fits);
        return found.find((each) => each.path === path) ?? found[0];
    }

    /** Fails when the document does not promise this answer. */
    check(method, target, answer) {
        const found = this.operationOf(method, target);
        assert.ok(found, `${method} ${target} is not in the document`);
        this.exercised.add(`${found.method} ${found.path}`);
        const promised = found.operation.responses[answer.status] ?? (answer.status >= 400 && found.operation.responses.default);
        assert.ok(promised, `${method} ${target}: status ${answer.status} is not in the document: ${answer.text}`);
        const type = answer.headers['content-type'];
        assert.ok(promised.content[type], `${method} ${target}: content type ${type} is not in the document`);
        if (method === 'HEAD' || answer.json === undefined) return;
        const { $ref } = promised.content[type].schema;
        const judge = this.ajv.getSchema(`api${$ref}`);
        assert.ok(judge(answer.json), `${method} ${target}: ${this.ajv.errorsText(judge.errors)}\n${answer.text.slice(0, 2000)}`);
    }

    /** One request and its checked answer, whatever its status. */
    async ask(method, target, { headers = this.authorization, body } = {}) {
        const sent = body === undefined ? headers : { 'content-type': 'application/json', ...headers };
        const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
        const answer = await request(this.server.url, { method, path: target, headers: sent, body: text, agent: this.agent });
        this.check(method, target, answer);
        return answer;
    }

    /** What a successful GET answers. */
    async get(target) {
        const answer = await this.ask('GET', target);
        assert.equal(answer.status, 200, `${target}: ${answer.text}`);
        return answer.json;
    }

    /** All pages of a list as one. */
    async all(path, query = {}, between = async () => {}) {
        return this.allFrom(path, query, undefined, between);
    }

    /** The same from a cursor on. */
    async allFrom(path, query, from, between = async () => {}) {
        const items = [];
        const cursors = new Set();
        for (let cursor = from; cursor !== null; ) {
            const page = await this.get(withQuery(path, { ...query, cursor }));
            items.push(...page.items);
            cursor = page.next;
            assert.ok(!cursors.has(cursor), 'a cursor came twice');
            cursors.add(cursor);
            await between();
        }
        return items;
    }

    /** Waits until answers know of everything that was stored when this was called. */
    async caughtUp() {
        const { journal } = await this.get('/api/v1/status');
        await until('the read model', async () => (await this.get('/api/v1/status')).tracker.seq >= journal.last_seq);
    }
}

/** path?a=1&b=2, without what is undefined. */
export function withQuery(path, query) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

// ---- webhooks ------------------------------------------------------------------------------------------------------

let eventNumber = 0;

/** An admin webhook; `at` in milliseconds. */
export function adminEvent({ type = 'connected_account.add.start', at = Date.now(), app = 'notion', integration, account }) {
    return JSON.stringify({
        type,
        timestamp: new Date(at).toISOString(),
        data: {
            app_name: app,
            integration_name: integration ?? `${app}_brave_teal`,
            integration_id: `int-${integration ?? app}`,
            body: {},
            connected_account_id: account ?? `account-${(eventNumber += 1)}`,
        },
    });
}

/** The V3 webhook about an account whose connection expired. */
export function expiredEvent({ id = `msg_${(eventNumber += 1)}`, at = Date.now(), app = 'notion', account, user = 'user-1', reason = 'timed out', secret = 'tok_SECRET' }) {
    return JSON.stringify({
        id,
        timestamp: new Date(at).toISOString(),
        type: 'composio.connected_account.expired',
        metadata: { project_id: 'pr_1', org_id: 'ok_1' },
        data: {
            id: account,
            toolkit: { slug: app },
            auth_config: { id: 'ac_1', auth_scheme: 'OAUTH2', is_composio_managed: true, is_disabled: false },
            user_id: user,
            status: 'EXPIRED',
            state: { authScheme: 'OAUTH2', val: { access_token: secret } },
            data: { api_key: secret },
            params: {},
            status_reason: reason,
        },
    });
}

/** The headers of a webhook that is signed as the platform signs. */
export function signed(body, secret, id) {
    const timestamp = Math.floor(Date.now() / 1000);
    const mac = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
    return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${mac}` };
}

/** Posts bodies one after another; each is stored before the next is sent. */
export async function postAll(server, bodies, headers = () => ({})) {
    for (const body of bodies) assertStored(await server.post(body, headers(body)));
}
