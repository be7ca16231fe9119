// API keys, and the audit.

import { get, post, remove, renewLogin } from './api.js';
import { openDialog, openForm } from './dialogs.js';
import { h, update } from './element.js';
import { auditText, word } from './language.js';
import { problemText } from './problems.js';
import { ago } from './times.js';
import { button, emptyState, field, heading, toast } from './widgets.js';

const SCOPES = ['send', 'listen', 'admin'];
const LONGEST = 500;

export function open(view, app) {
  const keys = h('div.wide'), audit = h('div.wide'), foot = h('div');
  let known = [], entries = [], length = 50, closed = false;

  async function load() {
    const [stored, done] = await Promise.all([get('/v1/keys'), get(`/v1/audit?limit=${length}`)]);
    if (closed) return;
    known = stored.keys;
    entries = done.audit;
    draw();
  }

  function draw() {
    const lengthen = () => { length = Math.min(LONGEST, length * 2); load(); };
    update(keys, known.length
      ? table(['name', 'scopes', 'session', 'when', ''], known.map(keyRow))
      : emptyState(word('noKeys'), word('firstKey')));
    update(audit, entries.length
      ? table(['when', 'who', 'what', 'session', 'where'], entries.map(auditRow))
      : emptyState(word('noAudit')));
    update(foot, entries.length === length && length < LONGEST ? button('button', word('more'), lengthen) : null);
  }

  function keyRow(key) {
    const name = h('span', null, h('strong', null, key.name), h('br'), h('span.mono.soft', null, key.id));
    const scopes = key.scopes.map((scope) => word(`${scope}Scope`)).join(', ');
    const end = key.revoked_at
      ? h('span.soft', null, `${word('revoked')} `, ago(key.revoked_at))
      : button('danger', word('revoke'), () => revoke(key), { 'aria-label': `${word('revoke')} ${key.name}` });
    return [name, scopes, key.sessions?.join(', ') ?? word('allSessions'), ago(key.created_at), end];
  }

  function auditRow(entry) {
    const action = h('span', null, auditText(entry.action), entry.detail ? detail(entry.detail) : null);
    return [ago(entry.at), auditText(entry.actor), action, entry.session ?? '', auditText(entry.address)];
  }

  async function revoke(key) {
    const question = { title: word('revokeAsk', key.name), text: word('revokeText'), action: word('revoke') };
    if (!(await openDialog({ ...question, cancel: word('cancel'), danger: true }))) return;
    await attempt(() => remove(`/v1/keys/${key.id}`).then(renewLogin));
  }

  async function create() {
    const made = await openForm(describeKey, (data) => {
      const session = data.get('session');
      const sessions = session ? [session] : null, scopes = data.getAll('scope');
      if (!scopes.length) throw new Error(word('chooseScope'));
      return post('/v1/keys', { name: data.get('name'), scopes, sessions });
    });
    if (!made) return;
    await attempt(async () => {
      await renewLogin();
      const copied = () => navigator.clipboard?.writeText(made.key).then(() => toast(word('copied')));
      const shown = h('p.mono', { tabindex: 0, id: 'made-key' }, made.key);
      const fields = [shown, button('button', word('copy'), copied)];
      await openDialog({ title: made.name, text: word('keyMade'), action: word('close'), fields });
    });
  }

  function describeKey(entered) {
    const scopes = entered?.getAll('scope') ?? ['send', 'listen'];
    const checkbox = (scope) => h('label.check', null,
      h('input', { type: 'checkbox', name: 'scope', value: scope, checked: scopes.includes(scope) }),
      word(`${scope}Scope`));
    const option = (value, name) => h('option', { value, selected: value === entered?.get('session') }, name);
    const name = h('input', {
      name: 'name',
      required: true,
      maxlength: 100,
      value: entered?.get('name') ?? '',
      placeholder: 'node-red',
      autocomplete: 'off',
    });
    const sessions = app.sessions.map(({ session }) => option(session, session));
    return {
      title: word('newKey'),
      text: known.length ? null : word('firstKey'),
      action: word('make'),
      cancel: word('cancel'),
      fields: [
        field(word('name'), name),
        h('div.row', { role: 'group', 'aria-label': word('scopes') }, SCOPES.map(checkbox)),
        field(word('session'), h('select', { name: 'session' }, option('', word('allSessions')), sessions)),
      ],
    };
  }

  async function attempt(work) {
    try {
      await work();
    } catch (problem) {
      toast(problemText(problem), true);
    }
    await load();
  }

  function refresh() {
    load().catch((problem) => { if (!closed) update(keys, emptyState(problemText(problem))); });
  }

  const section = (title, lead, content, action) => h('section.card', null,
    h('div.head', null, h('h2', null, title), action, h('p.soft', null, lead)), content);
  const creating = button('main-button', word('newKey'), create);
  view.append(
    heading(word('access')),
    section(word('keys'), word('keysLead'), keys, creating),
    section(word('audit'), word('auditLead'), audit, null),
    foot);
  refresh();
  return { refresh, close: () => { closed = true; } };
}

// Ids of webhooks are long and are cut; names are shown as they are.
const detail = (text) =>
  h('span.mono.soft', { title: text }, ` ${text.replace(/^([0-9a-f]{8})[0-9a-f]{24}$/, '$1…')}`);

// `heads`: keys of the column names; an empty one is a column of buttons.
function table(heads, rows) {
  const head = (name) => h('th', { scope: 'col' }, name ? word(name) : h('span.unseen', null, word('what')));
  const cell = (content, index) => h('td', { 'data-head': heads[index] ? word(heads[index]) : null }, content);
  return h('table', null,
    h('thead', null, h('tr', null, heads.map(head))),
    h('tbody', null, rows.map((cells) => h('tr', null, cells.map(cell)))));
}
