// The thread of startGoodSender(): one keep-alive connection, an event about every 5 ms, each answer's time taken.
import { createHmac } from 'node:crypto';
import http from 'node:http';
import os from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';

// Of this thread alone; as with the server, other tests on the machine should not count.
try {
    os.setPriority(0, -10);
} catch {
    // not allowed
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const target = new URL('/webhook', workerData.url);
const result = { sent: 0, slowest_ms: 0, failures: [] };
const LEAST = 100;
let stopping = false;

function signed(body) {
    if (!workerData.secret) return {};
    const id = `msg_good-${workerData.run}-${result.sent}`;
    const timestamp = Math.floor(Date.now() / 1000);
    const mac = createHmac('sha256', workerData.secret).update(`${id}.${timestamp}.${body}`).digest('base64');
    return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}

function send(body) {
    return new Promise((resolve, reject) => {
        const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...signed(body) };
        const request = http.request(target, { method: 'POST', agent, headers }, (response) => {
            let text = '';
            response.on('data', (chunk) => (text += chunk));
            response.on('end', () => resolve(`${response.statusCode} ${text}`));
            response.on('error', reject);
        });
        request.on('error', reject);
        request.end(body);
    });
}

parentPort.on('message', () => (stopping = true));

while ((!stopping || result.sent < LEAST) && result.failures.length < 20) {
    const body = JSON.stringify({
        type: 'connected_account.add.completed',
        timestamp: '2026-05-04T10:00:41.900Z',
        data: { app_name: 'notion', body: {}, connected_account_id: `good-${workerData.run}-${result.sent}` },
    });
    const began = performance.now();
    const answer = await send(body).catch((error) => String(error));
    result.slowest_ms = Math.max(result.slowest_ms, performance.now() - began);
    if (answer !== '200 {"success":true}') result.failures.push(answer);
    result.sent += 1;
    if (result.sent === 1) parentPort.postMessage('first');
    await new Promise((resolve) => setTimeout(resolve, 5)); // its pace, nothing is waited for
}
if (!stopping) await new Promise((resolve) => parentPort.once('message', resolve));
agent.destroy();
parentPort.postMessage(result);
