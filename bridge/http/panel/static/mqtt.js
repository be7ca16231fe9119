// The broker: where programs connect, its users by role, and ready lines for the usual programs.

import { get, post, remove } from './api.js';
import { openDialog, openForm } from './dialogs.js';
import { h, update } from './element.js';
import { word } from './language.js';
import { linesFor } from './mqtt_lines.js';
import { problemText } from './problems.js';
import { button, emptyState, fact, field, heading, toast } from './widgets.js';

const copy = (text) => navigator.clipboard?.writeText(text).then(() => toast(word('copied')));

export function open(view, app) {
  const facts = h('dl.facts.whole'), users = h('div.users'), adding = h('div.row');
  let broker = null, closed = false;

  async function load() {
    const found = await get('/v1/broker');
    if (closed) return;
    broker = found;
    draw();
  }

  function draw() {
    update(facts,
      fact(word('brokerAddress'), `${broker.scheme}://${broker.host}:${broker.port}`),
      fact(word('topicPrefix'), broker.prefix));
    update(adding,
      button('main-button', word(broker.owned ? 'addUser' : 'showCommand'), broker.owned ? add : showCommand));
    update(users, broker.owned
      ? (broker.users.length ? broker.users.map(userRow) : emptyState(word('noUsers'), word('noUsersHint')))
      : h('p.soft', null, word('brokerForeign')));
  }

  function userRow(user) {
    const { name, roles, session } = user;
    return h('div.row.apart.user', { role: 'group', 'aria-label': name },
      h('div', null, h('strong', null, name),
        h('p.soft', null, `${roles.map(roleName).join(', ')} · ${session ?? word('allSessions')}`)),
      h('span.row', null,
        button('button', word('showLines'), () => showLines(user)),
        button('danger', word('unregister'), () => removeUser(name), {
          'aria-label': `${word('unregister')} ${name}`,
        })));
  }

  const roleName = (role) => word(`role_${role}`);

  function describeUser(title, action) {
    return (entered) => {
      const chosen = entered?.getAll('role') ?? ['reader', 'sender'];
      const option = (value, name) => h('option', { value, selected: value === entered?.get('session') }, name);
      return {
        title,
        action,
        cancel: word('cancel'),
        fields: [
          field(word('userName'), h('input', {
            name: 'name',
            required: true,
            maxlength: 64,
            pattern: '[A-Za-z0-9_\\-]+',
            value: entered?.get('name') ?? '',
            placeholder: 'node-red',
            autocomplete: 'off',
          })),
          h('fieldset.choices', null, h('legend', null, word('roles')), broker.roles.map((role) =>
            h('label.check', null,
              h('input', { type: 'checkbox', name: 'role', value: role, checked: chosen.includes(role) }),
              h('span', null, roleName(role), ' ', h('span.soft', null, word(`can_${role}`)))))),
          field(word('session'), h('select', { name: 'session' }, option('', word('allSessions')),
            app.sessions.map(({ session }) => option(session, session)))),
        ],
      };
    };
  }

  const given = (data) => {
    const roles = data.getAll('role');
    if (!roles.length) throw new Error(word('chooseRole'));
    return { name: data.get('name').trim(), roles, session: data.get('session') || null };
  };

  async function add() {
    const describe = describeUser(word('addUser'), word('make'));
    const made = await openForm(describe, (data) => post('/v1/broker/users', given(data)));
    if (!made) return;
    await load().catch(fail);
    await showLines(made);
  }

  async function showCommand() {
    const wanted = await openForm(describeUser(word('showCommand'), word('next')), async (data) => given(data));
    if (!wanted) return;
    const options = wanted.roles.map((role) => `--role ${role}`);
    if (wanted.session) options.push(`--session ${wanted.session}`);
    const command = ['sudo wa broker user add', wanted.name, ...options].join(' ');
    await show(wanted, [part('commandThere', command)], 'commandText');
  }

  async function showLines(user) {
    const text = user.password ? 'userMade' : 'linesText';
    await show(user, user.password ? [part('password', user.password)] : [], text);
  }

  // `password` is null where only its owner still has it.
  async function show(user, first, text) {
    const session = user.session ?? app.session ?? 'haby';
    const lines = linesFor({ ...broker, ...user, session, password: user.password ?? 'PASSWORD' });
    const fields = [...first, ...lines.map(([label, content]) => part(label, content))];
    await openDialog({ title: user.name, text: word(text), action: word('close'), fields });
  }

  const part = (label, content) => h('section.ready', { 'aria-label': word(label) },
    h('div.row.apart', null, h('h3', null, word(label)),
      button('button', word('copy'), () => copy(content), { 'aria-label': `${word('copy')}: ${word(label)}` })),
    h('pre.mono', { tabindex: 0 }, content));

  async function removeUser(name) {
    const question = { title: word('removeUserAsk', name), text: word('removeUserText'), action: word('unregister') };
    if (!(await openDialog({ ...question, cancel: word('cancel'), danger: true }))) return;
    await remove(`/v1/broker/users/${encodeURIComponent(name)}`).catch((problem) => toast(problemText(problem), true));
    await load().catch(fail);
  }

  function fail(problem) {
    if (!closed) update(users, emptyState(problemText(problem)));
  }

  view.append(
    heading(word('mqtt'), word('mqttLead'), adding),
    h('section.card', null, facts),
    h('section.card', null, h('h2', null, word('brokerUsers')), users));
  load().catch(fail);
  return { refresh: () => null, close: () => { closed = true; } };
}
