// The groups of a session: found, made, joined, and opened with their members.

import { hasScope, sessionPath } from './api.js';
import { rememberChat } from './contact_names.js';
import { openForm } from './dialogs.js';
import { Directory } from './directory.js';
import { h } from './element.js';
import { GroupView } from './group.js';
import { counted, word } from './language.js';
import { postOnce } from './once.js';
import { peopleField, peopleIn } from './people_field.js';
import { problemText } from './problems.js';
import { ask, respond } from './requests.js';
import { button, emptyState, field, heading, named, toast } from './widgets.js';

const PAGE = 50;

// `opened`: the group that is opened at once.
export function open(view, app, opened) {
  const { session } = app;
  const isConnected = () => app.sessions.find((one) => one.session === session)?.state === 'connected';
  const directory = new Directory({ name: word('groups'), load, entry, tools: null, isConnected });

  async function load(after, search) {
    const given = { limit: PAGE, ...(after ? { after } : {}), ...(search ? { search } : {}) };
    const { groups, next } = await ask(session, 'groups.list', given);
    return { entries: groups, next };
  }

  function entry({ group, subject, size, admin, member }) {
    const open = { type: 'button', 'data-key': group, onclick: () => { show(group); } };
    return h('button.chat', open,
      named('strong', subject ?? group),
      h('span.badges', null,
        admin ? h('span.badge.good', null, word('admin')) : null,
        member === false ? h('span.badge.dim', null, word('left')) : null),
      h('span.soft', null, size ? counted('members', size) : ''));
  }

  // Shows a group; `response` is that to a request about its people.
  async function show(group, response = null, focus = 'h2') {
    directory.wanted = group;
    try {
      const details = await ask(session, 'groups.get', { group });
      if (directory.wanted !== group) return; // another one was chosen meanwhile
      rememberChat({ chat: group, name: details.subject });
      const parts = new GroupView(session, details, { again: show, onLeft: () => directory.read() }).parts(response);
      directory.show(details.subject ?? group, group, ...parts);
      directory.pane.querySelector(focus)?.focus();
    } catch (problem) {
      if (directory.wanted === group) directory.show(group, group, emptyState(problemText(problem)));
    }
  }

  async function make() {
    const describe = (entered) => ({
      title: word('newGroup'),
      action: word('make'),
      cancel: word('cancel'),
      fields: [
        field(word('subject'), h('input', {
          name: 'subject',
          required: true,
          maxlength: 100,
          value: entered?.get('subject') ?? '',
        })),
        peopleField(entered?.get('people') ?? ''),
      ],
    });
    const attempt = {};
    const submit = (data) => postOnce(`${sessionPath(session)}/requests/groups.create`,
      { subject: data.get('subject'), people: peopleIn(data.get('people')) }, attempt);
    const response = await openForm(describe, submit);
    if (!response) return;
    await directory.read(true);
    if (response.data?.group) await show(response.data.group, response);
    else toast(word('inDoubt'), true);
  }

  async function join() {
    const describe = (entered) => ({
      title: word('joinGroup'),
      action: word('join'),
      cancel: word('cancel'),
      fields: [field(word('inviteLink'), h('input', {
        name: 'invite',
        required: true,
        value: entered?.get('invite') ?? '',
        placeholder: 'https://chat.whatsapp.com/…',
      }))],
    });
    const submit = (data) => respond(session, 'groups.join', { invite: data.get('invite') });
    const response = await openForm(describe, submit);
    if (!response) return;
    toast(word(response.status !== 'done' ? 'inDoubt' : response.data.pending ? 'joinPending' : 'done'));
    await directory.read(true);
  }

  const actions = hasScope('send') ? h('div.row', null,
    button('button', word('joinGroup'), join), button('main-button', word('newGroup'), make)) : null;
  view.append(heading(word('groups'), word('groupsLead'), actions), directory.element);
  directory.read(true);
  if (opened) show(opened);
  return { refresh: () => directory.refresh(), close: () => { directory.asked = null; } };
}
