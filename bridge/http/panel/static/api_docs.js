// The HTTP API from its own description (OpenAPI): each operation with what it takes, and a form to try it.

import { get } from './api.js';
import { tryForm } from './api_form.js';
import { typeOf } from './api_schema.js';
import { h, update } from './element.js';
import { word } from './language.js';
import { problemText } from './problems.js';
import { emptyState, field, heading } from './widgets.js';

const DOCUMENT = '/v1/openapi.json';
const LEGACY = 'legacy';
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

export function open(view, app) {
  const list = h('div.api'), text = h('input', { type: 'search', maxlength: 100, autocomplete: 'off', oninput: draw });
  const key = h('input', { type: 'password', autocomplete: 'off', maxlength: 300, placeholder: 'wak_…' });
  let operations = null, closed = false;

  async function load() {
    const found = await get(DOCUMENT);
    if (closed) return;
    operations = operationsOf(found).map((one) => ({ ...one, element: card(one, found) }));
    draw();
  }

  function draw() {
    if (!operations) return;
    const wanted = text.value.trim().toLowerCase();
    const shown = operations.filter(({ method, path, summary, tag }) =>
      `${method} ${path} ${summary} ${tag}`.toLowerCase().includes(wanted));
    const sections = grouped(shown).map(([tag, members]) => h('section.card', { 'aria-label': tag },
      h('h2', null, tag), members.map(({ element }) => element)));
    list.replaceChildren(...(sections.length ? sections : [emptyState(word('nothingFound'))]));
  }

  // The body is made when it is first opened: there are about a hundred.
  function card(operation, description) {
    const { method, path, summary } = operation, content = h('div.operation-body');
    const made = h('details.operation', null,
      h('summary', null, h(`span.method.${method}`, null, method.toUpperCase()), ' ', h('span.mono', null, path), ' ',
        h('span.soft', { lang: 'en' }, summary)),
      content);
    made.addEventListener('toggle', () => {
      if (!made.open || content.childElementCount) return;
      content.append(...parts(operation, description));
    });
    return made;
  }

  function parts(operation, description) {
    const { description: said, summary, parameters } = operation;
    const rows = parameters.map(({ name, in: place, required, description: about, schema }) => h('li', null,
      h('span.mono', null, name), ' ', h('span.soft', null, `${typeOf(schema, description)} · ${word(`in_${place}`)}`),
      required ? h('strong', null, ` ${word('required')}`) : null,
      about ?? schema?.description ? h('span.soft', { lang: 'en' }, ` ${about ?? schema.description}`) : null));
    return [
      said && said !== summary ? h('p', { lang: 'en' }, said) : null,
      rows.length ? h('ul.rows', null, rows) : null,
      tryForm(operation, description, { session: app.session, key: () => key.value.trim() }),
    ].filter(Boolean);
  }

  view.append(
    heading(word('api'), word('apiLead')),
    h('section.card', null,
      h('div.row.narrowing', null, field(word('apiFilter'), text), field(word('apiKey'), key)),
      h('p.soft', null, word('apiKeyHint'), ' ', h('a', { href: DOCUMENT, target: '_blank' }, 'OpenAPI'), ' · ',
        h('a', { href: '/v1/asyncapi.json', target: '_blank' }, 'AsyncAPI'), ' · ',
        h('a', { href: '/v1/schemas', target: '_blank' }, 'JSON Schema'))),
    list);
  list.append(emptyState(word('loading')));
  load().catch((problem) => { if (!closed) update(list, emptyState(problemText(problem))); });
  return { refresh: () => null, close: () => { closed = true; } };
}

function operationsOf({ paths }) {
  return Object.entries(paths).flatMap(([path, item]) => METHODS.filter((method) => item[method]).map((method) => {
    const { summary, description, parameters = [], requestBody, tags = [] } = item[method];
    const sentence = (description ?? summary ?? '').split('\n')[0];
    return { method, path, summary: sentence, description, parameters, requestBody, tag: tags[0] ?? '/' };
  }));
}

// By tag, in the order of the description; the legacy endpoints last.
function grouped(operations) {
  const groups = new Map();
  for (const one of operations) groups.set(one.tag, [...(groups.get(one.tag) ?? []), one]);
  return [...groups].sort(([left], [right]) => (left === LEGACY) - (right === LEGACY));
}
