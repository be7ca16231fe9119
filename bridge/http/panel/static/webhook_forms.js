// The form of a webhook, the outcome of a test, and the log of its posts: dialogs of the webhooks' section.

import { get, post } from './api.js';
import { openDialog, openForm } from './dialogs.js';
import { h } from './element.js';
import { kinds } from './kinds.js';
import { language, word } from './language.js';
import { postText } from './problems.js';
import { ago } from './times.js';
import { emptyState, field } from './widgets.js';

const MESSAGE = 'message';
const isKind = (choice) => choice.startsWith(`${MESSAGE}.`);
const TONES = { delivered: 'good', retry: 'wait', refused: 'bad', test: 'dim' };

// `shown`: the one to change, null for a new one. Resolves to what the bridge answers, null if it was cancelled.
export async function editWebhook(base, shown) {
  const { choices, listeners } = await get(`${base}/listeners`);
  // as it is now: the card may be older than the last change
  const webhook = shown && (listeners.find(({ id }) => id === shown.id) ?? shown);
  const describe = (entered) => ({
    title: webhook ? word('changeTitle', webhook.url) : word('addWebhook'),
    action: webhook ? word('save') : word('add'),
    cancel: word('cancel'),
    fields: fields(choices, webhook, entered),
  });
  const made = await openForm(describe, (data) => {
    const events = data.getAll('event');
    if (!events.length) throw new Error(word('noChoice'));
    const secret = data.get('secret').trim();
    return post(`${base}/listeners`, {
      url: webhook?.url ?? data.get('url'),
      // all messages include those of each kind
      events: events.includes(MESSAGE) ? events.filter((one) => !isKind(one)) : events,
      chats: chatsOf(data),
      groups: data.has('groups'),
      ...(secret ? { secret } : {}),
    });
  });
  if (made?.secret) {
    const shown = [h('p.mono', { tabindex: 0 }, made.secret)];
    await openDialog({ title: word('done'), text: word('secret'), action: word('close'), fields: shown });
  }
  return made;
}

// Null: all chats.
function chatsOf(data) {
  const named = data.get('chats').split(/[\n,;]+/).map((one) => one.trim()).filter(Boolean);
  return named.length ? named : null;
}

function fields(choices, webhook, entered) {
  const chosen = entered?.getAll('event') ?? webhook?.events ?? [MESSAGE];
  const box = (name, value, label, checked) =>
    h('label.check', null, h('input', { type: 'checkbox', name, value, checked }), label);
  const event = (choice, label) => box('event', choice, label, chosen.includes(choice));
  const kindName = (choice) => kinds[choice.slice(MESSAGE.length + 1)]?.[language()] ?? word('kindText');
  const group = (label, content) => h('fieldset.choices', null, h('legend', null, label), content);
  const folded = (label, list, name) => h('details', { open: list.some((one) => chosen.includes(one)) },
    h('summary', null, label), h('div.choices', null, list.map((one) => event(one, name(one)))));
  const address = { name: 'url', type: 'url', required: true, placeholder: 'http://localhost:3013/hook' };
  const entry = entered?.get('secret') ?? '';
  const secret = { name: 'secret', minlength: 16, maxlength: 256, autocomplete: 'off', value: entry };
  const others = choices.filter((one) => one !== MESSAGE && !isKind(one));
  return [
    webhook ? null : field(word('url'), h('input', { ...address, value: entered?.get('url') ?? '' })),
    group(word('webhookEvents'), [
      event(MESSAGE, word('allMessages')),
      folded(word('onlyKinds'), choices.filter(isKind), kindName),
      folded(word('otherEvents'), others, (one) => word(`event_${one}`)),
      box('groups', 'yes', word('webhookGroups'), entered ? entered.has('groups') : (webhook?.groups ?? true)),
    ]),
    field(word('webhookChats'), h('textarea', {
      name: 'chats', rows: 2, spellcheck: false, value: entered?.get('chats') ?? webhook?.chats?.join('\n') ?? '',
    })),
    field(word(webhook ? 'newSecret' : 'ownSecret'), h('input', secret)),
  ].filter(Boolean);
}

// Posts one example and shows what came of it.
export async function testWebhook(path, { url }) {
  const { accepted, ms, beginning, ...outcome } = await post(`${path}/test`);
  const answer = h('p.text.mono', { tabindex: 0 }, beginning);
  const said = accepted ? word('testAccepted', outcome.status, ms) : `${postText(outcome)} (${ms} ms)`;
  await openDialog({
    title: word('testTitle', url),
    action: word('close'),
    fields: [
      h(`p.advice.${accepted ? 'good' : 'bad'}`, null, said),
      ...(outcome.status === null ? [] : beginning ? [h('p.soft', null, word('testAnswer')), answer]
        : [h('p.soft', null, word('testEmpty'))]),
    ],
  });
}

export async function showLog(path, { url }) {
  const { deliveries } = await get(`${path}/deliveries`);
  const line = (one) => h('div.row.apart', { role: 'listitem' },
    h('span', null, h(`span.badge.${TONES[one.result]}`, null, word(`post_${one.result}`)), ' ',
      [one.seq ? `${one.stream} ${one.seq}` : null, word('attempt', one.attempt), `${one.ms} ms`]
        .filter(Boolean).join(' · '),
      ' ', one.error ? postText(one) : word('answered', one.status)),
    ago(one.at));
  const name = { role: 'list', tabindex: 0, 'aria-label': word('postLog') };
  const list = h('div.feed.log-of-posts', name, deliveries.map(line));
  await openDialog({
    title: `${word('postLog')}: ${url}`,
    text: word('postLogLead'),
    action: word('close'),
    fields: [deliveries.length ? list : emptyState(word('noPosts'))],
  });
}
