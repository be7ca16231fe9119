// The form for what a group is: name, description, picture, and who may do what.

import { upload } from './api.js';
import { openForm } from './dialogs.js';
import { h } from './element.js';
import { word } from './language.js';
import { errorText } from './problems.js';
import { respond } from './requests.js';
import { field, toast } from './widgets.js';

//: Seconds after which messages disappear, and the key of the name of each.
const EPHEMERAL = [[0, 'stay'], [86400, 'stayDay'], [604800, 'stayWeek'], [7776000, 'stayMonths']];
//: The argument of a request, and the key of its name.
const NAMES = {
  subject: 'subject',
  description: 'description',
  picture: 'groupPicture',
  announce: 'onlyAdminsWrite',
  restrict: 'onlyAdminsEdit',
  ephemeral: 'disappearing',
};

// Resolves to the response, or to null if nothing was to change or the form was left. `rules`: this account is an
// admin; others change only what the group lets its members change.
export async function changeGroup(session, details, rules) {
  const { group } = details;
  const describe = (entered) => ({
    title: word('changeGroup'),
    action: word('save'),
    cancel: word('cancel'),
    fields: fields(details, rules, entered),
  });
  const response = await openForm(describe, async (data) => {
    const given = await changes(details, rules, data);
    return Object.keys(given).length ? respond(session, 'groups.update', { group, ...given }) : null;
  });
  if (response) report(response);
  return response;
}

function fields({ subject, description, announce, restrict, ephemeral }, rules, entered) {
  const text = (name, now) => entered?.get(name) ?? now ?? '';
  const isOn = (name, now) => (entered ? entered.has(name) : now === true);
  const check = (name, now) => h('label.check', null,
    h('input', { type: 'checkbox', name, checked: isOn(name, now) }), word(NAMES[name]));
  const chosen = Number(text('ephemeral', ephemeral));
  return [
    field(word('subject'),
      h('input', { name: 'subject', required: true, maxlength: 100, value: text('subject', subject) })),
    field(word('description'),
      h('textarea', { name: 'description', rows: 4, maxlength: 2048, value: text('description', description) })),
    field(word('groupPicture'), h('input', { type: 'file', name: 'picture', accept: 'image/jpeg,image/png' })),
    ...(rules ? [
      check('announce', announce),
      check('restrict', restrict),
      field(word('disappearing'), h('select', { name: 'ephemeral' }, EPHEMERAL.map(([seconds, name]) =>
        h('option', { value: seconds, selected: seconds === chosen }, word(name))))),
    ] : []),
  ];
}

// What differs from what is: each is a change of its own.
async function changes(details, rules, data) {
  const given = {}, picture = data.get('picture');
  if (data.get('subject') !== (details.subject ?? '')) given.subject = data.get('subject');
  if (data.get('description') !== (details.description ?? '')) given.description = data.get('description');
  if (picture?.size) given.picture = { sha256: (await upload('/v1/media', picture)).sha256 };
  if (!rules) return given;
  for (const name of ['announce', 'restrict']) {
    if (data.has(name) !== (details[name] === true)) given[name] = data.has(name);
  }
  const ephemeral = Number(data.get('ephemeral'));
  if (ephemeral !== (details.ephemeral ?? 0)) given.ephemeral = ephemeral;
  return given;
}

function report({ status, data }) {
  if (status !== 'done') return toast(word('inDoubt'), true);
  const failed = data?.failed ?? [];
  for (const { field: name, code, text } of failed) {
    toast(`${word(NAMES[name] ?? name)}: ${errorText({ code, text })}`, true);
  }
  return failed.length ? null : toast(word('done'));
}
