// API keys, and the audit of what was done.

import { get, post, remove, renew } from './api.js';
import { ask, askUntil } from './dialogs.js';
import { empty, h, show, toast } from './element.js';
import { said } from './faults.js';
import { ago } from './times.js';
import { deed, word } from './words.js';

const SCOPES = ['send', 'listen', 'admin'];

export function open(view, world) {
  const keys = h('div.wide'), audit = h('div.wide'), foot = h('div');
  let found = [], lines = [], length = 50, ended = false;

  async function load() {
    const [told, done] = await Promise.all([get('/v1/keys'), get(`/v1/audit?limit=${length}`)]);
    if (ended) return;
    found = told.keys;
    lines = done.audit;
    draw();
  }

  function draw() {
    show(keys, found.length ? table(['name', 'scopes', 'session', 'when', ''], found.map(keyRow)) : empty(word('noKeys'), word('firstKey')));
    show(audit, lines.length ? table(['when', 'who', 'what', 'session', 'where'], lines.map((one) => [ago(one.at), deed(one.actor), h('span', null, deed(one.action), one.detail ? detail(one.detail) : null), one.session ?? '', deed(one.address)])) : empty(word('noAudit')));
    show(foot, lines.length === length && length < 500 ? [h('button.button', { type: 'button', onclick: () => { length = Math.min(500, length * 2); load(); } }, word('more'))] : []);
  }

  function keyRow(one) {
    const may = one.scopes.map((scope) => word(`${scope}Scope`)).join(', ');
    const end = one.revoked_at ? h('span.soft', null, `${word('revoked')} `, ago(one.revoked_at)) : h('button.danger', { type: 'button', 'aria-label': `${word('revoke')} ${one.name}`, onclick: () => revoke(one) }, word('revoke'));
    return [h('span', null, h('strong', null, one.name), h('br'), h('span.mono.soft', null, one.id)), may, one.sessions?.join(', ') ?? word('allSessions'), ago(one.created_at), end];
  }

  async function revoke(one) {
    if (!(await ask({ title: word('revokeAsk', one.name), text: word('revokeText'), action: word('revoke'), cancel: word('cancel'), danger: true }))) return;
    await attempt(() => remove(`/v1/keys/${one.id}`).then(renew));
  }

  async function make() {
    const made = await askUntil(blank, (given) => {
      const session = given.get('session');
      return post('/v1/keys', { name: given.get('name'), scopes: given.getAll('scope'), sessions: session ? [session] : null });
    });
    if (!made) return;
    await attempt(async () => {
      await renew();
      const copy = h('button.button', { type: 'button', onclick: () => navigator.clipboard?.writeText(made.key).then(() => toast(word('copied'))) }, word('copy'));
      await ask({ title: made.name, text: word('keyMade'), action: word('close'), fields: [h('p.mono', { tabindex: 0, id: 'made-key' }, made.key), copy] });
    });
  }

  function blank(before) {
    const chosen = before?.getAll('scope') ?? ['send', 'listen'];
    const box = (scope) => h('label.check', null, h('input', { type: 'checkbox', name: 'scope', value: scope, checked: chosen.includes(scope) }), word(`${scope}Scope`));
    const option = (value, name) => h('option', { value, selected: value === before?.get('session') }, name);
    return { title: word('newKey'), text: found.length ? null : word('firstKey'), action: word('make'), cancel: word('cancel'), fields: [
      h('label.field', null, h('span', null, word('name')), h('input', { name: 'name', required: true, maxlength: 100, value: before?.get('name') ?? '', placeholder: 'node-red', autocomplete: 'off' })),
      h('div.row', { role: 'group', 'aria-label': word('scopes') }, SCOPES.map(box)),
      h('label.field', null, h('span', null, word('session')), h('select', { name: 'session' }, option('', word('allSessions')), world.sessions.map(({ session }) => option(session, session)))),
    ] };
  }

  async function attempt(work) {
    try {
      await work();
    } catch (problem) {
      toast(said(problem), true);
    }
    await load();
  }

  view.append(
    h('div.head', null, h('h1', null, word('access'))),
    h('section.card', null, h('div.head', null, h('h2', null, word('keys')), h('button.main-button', { type: 'button', onclick: make }, word('newKey')), h('p.soft', null, word('keysLead'))), keys),
    h('section.card', null, h('div.head', null, h('h2', null, word('audit')), h('p.soft', null, word('auditLead'))), audit, foot));
  const gentle = () => load().catch((problem) => { if (!ended) show(keys, empty(said(problem))); });
  gentle();
  return { tick: gentle, end: () => { ended = true; } };
}

// A listener's id is long and says little; what people named is shown as it is.
const detail = (text) => h('span.mono.soft', { title: text }, ` ${text.replace(/^([0-9a-f]{8})[0-9a-f]{24}$/, '$1…')}`);

const table = (heads, rows) => h('table', null,
  h('thead', null, h('tr', null, heads.map((name) => h('th', { scope: 'col' }, name ? word(name) : h('span.unseen', null, word('what')))))),
  h('tbody', null, rows.map((cells) => h('tr', null, cells.map((cell, at) => h('td', { 'data-head': heads[at] ? word(heads[at]) : null }, cell))))));
