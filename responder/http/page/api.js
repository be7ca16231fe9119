// Requests to the responder. If it requires a key, the page asks for it and keeps it in this tab only.

import { words } from './words.js';

const KEY = 'responder-key';
//: Milliseconds after which a request without an answer has failed: a network that is gone is silent.
const TIMEOUT = 20_000;
const dialog = document.getElementById('key-dialog');
let keyRequest = null;

// `panel` is the address of the bridge's panel, where both run in one process and share their keys. `isNarrow`: the
// key that was given is valid and may not do everything.
function askForKey(panel, isNarrow) {
  document.getElementById('key-narrow').hidden = !isNarrow;
  document.getElementById('panel').hidden = !panel;
  const link = document.getElementById('panel-link');
  link.textContent = panel ?? '';
  if (panel) link.href = panel;
  keyRequest ??= new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      sessionStorage.setItem(KEY, document.getElementById('key').value);
      keyRequest = null;
      resolve();
    }, { once: true });
    dialog.addEventListener('cancel', (event) => event.preventDefault());
    dialog.showModal();
  });
  return keyRequest;
}

// Without `timeout` the request has no end. `silent`: what is known when it has no answer.
async function request(path, options = {}, { timeout = TIMEOUT, silent = words.offline } = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const headers = { ...options.headers, ...(key ? { 'x-api-key': key } : {}) };
    const signal = timeout ? AbortSignal.timeout(timeout) : undefined;
    const response = await fetch(path, { ...options, headers, signal })
      .catch(() => { throw new Error(signal?.aborted ? silent : words.offline); });
    if (response.status !== 401 && response.status !== 403) return response;
    const { panel, code } = await response.clone().json().catch(() => ({}));
    const isNarrow = code === 'narrow_key';
    if (response.status === 403 && !isNarrow) return response;
    await askForKey(panel, isNarrow);
  }
}

async function json(response) {
  const body = await response.json().catch(() => null);
  if (response.ok && !body) throw new Error(words.offline); // it broke off
  if (!response.ok) throw new Error(words.errors[body?.code] ?? body?.error ?? words.refused(response.status));
  return body;
}

export const get = async (path) => json(await request(path));

export const post = async (path, body, silent = words.noAnswer) => {
  const options = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  return json(await request(path, options, { silent }));
};

// Calls `changed` with the ids of changed chats (null: all), and `broken` when the stream breaks; reconnects.
export async function follow(changed, broken) {
  for (;;) {
    try {
      const response = await request('/api/live', {}, { timeout: null });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      changed([null]);
      let rest = '';
      for await (const chunk of chunksOf(response.body)) {
        rest += chunk;
        const events = rest.split('\n\n');
        rest = events.pop();
        for (const event of events) if (event.startsWith('data: ')) changed(JSON.parse(event.slice(6)));
      }
    } catch (error) {
      if (error instanceof SyntaxError) throw error;
    }
    broken();
    await new Promise((resolve) => { setTimeout(resolve, 2000); });
  }
}

// Not every browser can iterate a stream.
async function* chunksOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
