// The messages of one session as they arrive and are sent, with filters, and a form to send one.

import { hasScope, post, sessionPath } from './api.js';
import { readableAddress } from './addresses.js';
import { contactName } from './contact_names.js';
import { h, update } from './element.js';
import { word } from './language.js';
import { MessageFeed, SHOWN } from './message_feed.js';
import { errorText, problemText } from './problems.js';
import { ticks } from './ticks.js';
import { timeOfDay } from './times.js';
import { button, chip, emptyState, field, heading, toast } from './widgets.js';

const FILTERS = ['all', 'incoming', 'outgoing', 'groups'];
//: Milliseconds between a change and the drawing of it, so that a burst of messages is drawn once.
const DRAW_AFTER = 80;

export function open(view, app) {
  const list = h('div.feed', { role: 'log', 'aria-label': word('messages') }), chips = h('div.chips');
  const feed = new MessageFeed(app.session, drawSoon);
  const filter = { text: '', show: 'all' };
  let closed = false, timer = 0;

  const search = h('input', {
    type: 'search',
    autocomplete: 'off',
    oninput: (event) => { filter.text = event.target.value.toLowerCase(); draw(); },
  });
  const to = h('input', {
    name: 'to',
    required: true,
    maxlength: 128,
    inputmode: 'tel',
    autocomplete: 'off',
    placeholder: '+54 9 11 5550-0001',
  });
  const text = h('textarea', {
    name: 'message',
    rows: 3,
    placeholder: word('text'),
    required: true,
    maxlength: 65536,
    onkeydown: (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    },
  });
  const form = h('form.card', { onsubmit: send },
    h('h2', null, word('sendTitle')),
    field(word('to'), to),
    field(word('text'), text),
    h('button.main-button', { type: 'submit' }, word('send')));

  function matches(item) {
    if (filter.show === 'incoming' && item.mine) return false;
    if (filter.show === 'outgoing' && !item.mine) return false;
    if (filter.show === 'groups' && !feed.groups.has(item.chat)) return false;
    const { sender, chat, body } = item;
    const searched = `${sender ?? ''} ${contactName(chat)} ${chat} ${readableAddress(chat)} ${body}`;
    return !filter.text || searched.toLowerCase().includes(filter.text);
  }

  function draw() {
    if (closed) return;
    const choose = (name) => { filter.show = name; draw(); };
    update(chips, FILTERS.map((name) => chip(word(name), filter.show === name, () => choose(name))));
    const newestFirst = [...feed.items.values()].sort((a, b) => b.at - a.at || b.seq - a.seq);
    const shown = newestFirst.filter(matches).slice(0, SHOWN);
    update(list, shown.length ? shown.map(bubble) : nothing());
  }

  const nothing = () =>
    (feed.items.size ? emptyState(word('nothingFound')) : emptyState(word('waiting'), word('waitingHint')));

  function drawSoon() {
    timer ||= setTimeout(() => { timer = 0; draw(); }, DRAW_AFTER);
  }

  function bubble(item) {
    const name = item.mine ? word('toWhom', contactName(item.chat)) : item.sender;
    return h(item.mine ? 'article.bubble.mine' : 'article.bubble', null,
      h('header', null,
        h('strong', null, name),
        feed.groups.has(item.chat) ? h('span.tag', null, word('group')) : null,
        timeOfDay(item.time)),
      h('p.text', { dir: 'auto' }, item.body),
      item.error ? h('p.soft', null, errorText(item.error)) : null,
      item.state || item.note || !item.mine ? foot(item) : null);
  }

  function foot(item) {
    const reply = () => { to.value = readableAddress(item.chat); text.focus(); };
    return h('div.row.apart', null,
      item.state ? ticks(item.state) : h('span.soft', null, item.note ?? ''),
      !item.mine && hasScope('send') ? button('plain', word('reply'), reply) : null);
  }

  async function send(event) {
    event.preventDefault();
    const submit = form.querySelector('button');
    submit.disabled = true;
    try {
      const command = { to: to.value, message: text.value, priority: 'human' };
      await post(`${sessionPath(app.session)}/sends`, command);
      text.value = '';
      await feed.readOutbox();
    } catch (problem) {
      toast(problemText(problem), true);
    } finally {
      submit.disabled = false;
      text.focus();
    }
  }

  function refresh() {
    feed.follow(app.sessions.find((one) => one.session === feed.session));
    feed.readOutbox();
  }

  const filters = h('div.filters', null, field(word('filter'), search), chips);
  view.append(
    heading(word('messages'), word('messagesLead')),
    h('div.split', null,
      h('div.feed', null, filters, list),
      hasScope('send') ? h('div.side', null, form) : null));
  draw();
  refresh();
  return {
    refresh,
    close: () => {
      closed = true;
      feed.close();
      clearTimeout(timer);
    },
  };
}
