// The webhooks of one session: their state, and what can be done with each; below them the dead letters.

import { get, post, remove, sessionPath } from './api.js';
import { deadLetterList } from './dead_letters.js';
import { openDialog } from './dialogs.js';
import { h, update } from './element.js';
import { number, word } from './language.js';
import { postText, problemText } from './problems.js';
import { ago } from './times.js';
import { editWebhook, showLog, testWebhook } from './webhook_forms.js';
import { button, emptyState, fact, heading, toast } from './widgets.js';

const CIRCUITS = { closed: ['good', 'closed'], half_open: ['wait', 'half_open'], open: ['bad', 'openCircuit'] };

// Tone and key of the badge.
function badge(webhook) {
  if (webhook.paused) return ['dim', 'paused'];
  if (webhook.circuit === 'closed' && webhook.last_error) return ['wait', 'lastFailed'];
  return CIRCUITS[webhook.circuit] ?? ['dim', 'closed'];
}

const count = (value) => (value === null ? '–' : number(value));

// The webhooks of a session as cards; `others` loads what is shown beside them.
export function webhookCards(session, others = () => null) {
  const base = sessionPath(session), list = h('div.cards');
  let closed = false;

  async function load() {
    const [registered] = await Promise.all([get(`${base}/listeners`), others()]);
    if (closed) return;
    const cards = registered.listeners.map(card);
    update(list, cards.length ? cards : emptyState(word('noWebhooks'), word('noWebhooksHint')));
  }

  function card(webhook) {
    const [tone, name] = badge(webhook), path = `${base}/listeners/${webhook.id}`;
    const [action, label] = webhook.paused ? ['resume', word('resume')] : ['pause', word('pause')];
    const last = { status: webhook.last_status, failure: webhook.last_failure, error: webhook.last_error };
    return h('article.card', { 'aria-label': webhook.url },
      h('div.row.apart', null, h('h2.mono', null, webhook.url), h(`span.badge.${tone}`, null, word(name))),
      h('dl.facts.few', null,
        fact(word('lag'), count(webhook.lag)),
        fact(word('delivered'), count(webhook.delivered)),
        fact(word('lastMessage'), webhook.last_delivery_at ? ago(webhook.last_delivery_at) : word('never')),
        webhook.next_attempt_at ? fact(word('nextTry'), ago(webhook.next_attempt_at)) : null),
      webhook.last_error ? h('p.advice.bad', null, postText(last)) : null,
      h('div.row', null,
        button('button', word('test'), () => attempt(() => testWebhook(path, webhook))),
        button('button', word('postLog'), () => attempt(() => showLog(path, webhook))),
        button('button', word('changeWebhook'), () => edit(webhook)),
        button('button', label, () => attempt(() => post(`${path}/${action}`))),
        button('danger', word('unregister'), () => unregister(webhook.url, path))));
  }

  async function unregister(url, path) {
    const question = { title: word('unregisterAsk', url), action: word('unregister'), cancel: word('cancel') };
    if (await openDialog({ ...question, danger: true })) await attempt(() => remove(path));
  }

  const edit = (webhook) => attempt(() => editWebhook(base, webhook));

  async function attempt(work) {
    try {
      await work();
    } catch (problem) {
      toast(problemText(problem), true);
    }
    await load();
  }

  function refresh() {
    load().catch((problem) => { if (!closed) update(list, emptyState(problemText(problem))); });
  }

  const adding = button('main-button', word('addWebhook'), () => edit(null));
  return { list, adding, attempt, refresh, close: () => { closed = true; } };
}

export function open(view, app) {
  const base = sessionPath(app.session), cards = webhookCards(app.session, loadLetters);
  const deadLetters = deadLetterList(base, cards.attempt);

  async function loadLetters() {
    deadLetters.draw((await get(`${base}/dead-letters?limit=100`)).letters);
  }

  view.append(heading(word('listeners'), word('webhooksLead'), cards.adding), cards.list, ...deadLetters.elements);
  cards.refresh();
  return cards;
}
