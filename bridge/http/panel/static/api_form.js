// A form that makes one call of the API, with the log-in of this page or with a key, and shows the answer.

import { account } from './api.js';
import { exampleOf } from './api_schema.js';
import { openDialog } from './dialogs.js';
import { h } from './element.js';
import { word } from './language.js';
import { toast } from './widgets.js';

//: Milliseconds, and bytes of an answer, after which a call ends: event streams have no end.
const LONGEST = 15_000, MOST = 64_000;
const SAFE = new Set(['get']);

// `key()`: the key to call with, empty for the log-in.
export function tryForm({ method, path, parameters, requestBody }, description, { session, key }) {
  const answer = h('div.answer', { role: 'status' }), line = h('pre.mono.curl', { tabindex: 0, 'aria-label': 'curl' });
  const typed = parameters.filter(({ in: place }) => place === 'path' || place === 'query');
  const inputs = typed.map(({ name, in: place, required }) => h('label.field', null, h('span', null, name),
    h('input', {
      name: `${place}:${name}`,
      required: place === 'path' || Boolean(required),
      autocomplete: 'off',
      value: name === 'session' && place === 'path' ? session ?? '' : '',
    })));
  const type = Object.keys(requestBody?.content ?? {})[0], isJson = type?.includes('json');
  const body = isJson
    ? h('textarea.mono', {
      name: 'body', rows: 6, spellcheck: false, value: exampleOf(requestBody.content[type], description),
    })
    : null;
  const file = type && !isJson ? h('input', { type: 'file', name: 'file', required: true }) : null;
  const form = h('form.try-api', { onsubmit: submit, oninput: showLine },
    inputs,
    body ? h('label.field', null, h('span', null, word('body')), body) : null,
    file ? h('label.field', null, h('span', null, word('file')), file) : null,
    h('div.row', null, h('button.main-button', { type: 'submit' }, word('callIt'))),
    line, answer);

  function target() {
    const data = new FormData(form), query = new URLSearchParams();
    let filled = path;
    for (const { name, in: place } of typed) {
      const value = (data.get(`${place}:${name}`) ?? '').trim();
      if (place === 'path') filled = filled.replace(`{${name}}`, encodeURIComponent(value));
      else if (value) query.append(name, value);
    }
    return query.size ? `${filled}?${query}` : filled;
  }

  function showLine() {
    const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
    const parts = ['curl', ...(method === 'get' ? [] : ['-X', method.toUpperCase()])];
    parts.push(quoted(location.origin + target()), '-H', "'x-api-key: KEY'");
    if (type) parts.push('-H', quoted(`Content-Type: ${type}`));
    if (body?.value.trim()) parts.push('-d', quoted(body.value.trim()));
    if (file) parts.push('--data-binary', '@FILE');
    line.textContent = parts.join(' ');
  }

  async function submit(event) {
    event.preventDefault();
    const question = { title: word('callAsk', method.toUpperCase()), text: word('callText'), action: word('callIt') };
    if (!SAFE.has(method) && !(await openDialog({ ...question, cancel: word('cancel') }))) return;
    const headers = key() ? { 'x-api-key': key() } : { 'X-CSRF-Token': account.me?.csrf ?? '' };
    if (type) headers['Content-Type'] = type;
    const content = file ? file.files[0] : body?.value.trim() || undefined;
    answer.replaceChildren(h('p.soft', null, '…'));
    const began = performance.now(), ending = new AbortController();
    const limit = setTimeout(() => ending.abort(), LONGEST);
    try {
      const sent = { method: method.toUpperCase(), headers, body: content, cache: 'no-store', signal: ending.signal };
      const response = await fetch(target(), sent);
      const milliseconds = Math.round(performance.now() - began);
      const said = h(`p.advice.${response.ok ? 'good' : 'bad'}`, null,
        [`${response.status} ${response.statusText}`, `${milliseconds} ms`, response.headers.get('content-type')]
          .filter(Boolean).join(' · '));
      const shown = h('pre.mono', { tabindex: 0, 'aria-label': word('answer') });
      answer.replaceChildren(said, shown);
      await read(response, shown, ending);
    } catch (problem) {
      if (problem.name === 'AbortError') answer.append(h('p.soft', null, word('callCut')));
      else toast(word('lost'), true);
    } finally {
      clearTimeout(limit);
    }
  }

  showLine();
  return form;
}

// Shows an answer as it comes; the whole one, if it is JSON, with one field on a line.
async function read(response, shown, ending) {
  const kind = response.headers.get('content-type') ?? '';
  if (!/json|text|xml|csv/.test(kind)) {
    const { size } = await response.blob();
    shown.textContent = size ? `${size} B` : '';
    return;
  }
  const decoder = new TextDecoder(), reader = response.body?.getReader();
  let text = '';
  for (let part = await reader?.read(); part && !part.done; part = await reader.read()) {
    text += decoder.decode(part.value, { stream: true });
    shown.textContent = text.slice(0, MOST);
    if (text.length > MOST) {
      ending.abort();
      break;
    }
  }
  if (!kind.includes('json')) return;
  try {
    shown.textContent = JSON.stringify(JSON.parse(text), null, 2).slice(0, MOST);
  } catch {
    // cut, or not JSON after all: it stays as it came
  }
}
