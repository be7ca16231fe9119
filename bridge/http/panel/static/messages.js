// The conversations of one session: chats beside the messages of the open one, with a form to write.

import { hasScope, post, sessionPath } from './api.js';
import { readableAddress } from './addresses.js';
import { Attachments } from './attachments.js';
import { bubble } from './bubble.js';
import { Conversations } from './conversations.js';
import { h, update } from './element.js';
import { locale, number, word } from './language.js';
import { MessageFeed } from './message_feed.js';
import { problemText } from './problems.js';
import { ago } from './times.js';
import { button, emptyState, field, heading, toast } from './widgets.js';

//: Milliseconds between a change and the drawing of it, so that a burst of messages is drawn once.
const DRAW_AFTER = 80;
//: Messages of a chat that are drawn; more are drawn on the way up.
const DRAWN = 200;
//: Pixels from an end at which a list counts as scrolled to it.
const NEAR = 120;

export function open(view, app) {
  const { session } = app, mayWrite = hasScope('send');
  const conversations = new Conversations(session, drawSoon);
  const feed = new MessageFeed(session, conversations);
  const chats = h('div.chats', { role: 'list', 'aria-label': word('chats') });
  const log = h('div.log', { role: 'log', 'aria-label': word('messages'), tabindex: 0, onscroll: onScroll });
  const title = h('header.chat-title'), more = h('div.row');
  let opened = null, wanted = '', drawn = DRAWN, answering = null;
  let loading = null, growing = false, listed = false, closed = false, timer = 0, asking = 0;

  const search = h('input', {
    type: 'search',
    autocomplete: 'off',
    oninput: ({ target }) => {
      wanted = target.value.trim().toLowerCase();
      clearTimeout(asking);
      if (wanted && isConnected()) asking = setTimeout(() => quietly(conversations.loadChats(wanted)), 300);
      draw();
    },
  });
  const to = h('input', {
    name: 'to',
    maxlength: 128,
    inputmode: 'tel',
    autocomplete: 'off',
    placeholder: '+54 9 11 5550-0001',
  });
  const text = h('textarea', {
    name: 'message',
    rows: 1,
    placeholder: word('text'),
    'aria-label': word('text'),
    required: true,
    maxlength: 65536,
    onkeydown: (event) => {
      if (event.key === 'Escape') answer(null);
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    },
  });
  const reply = h('div.reply-to', { hidden: true }), recipient = field(word('to'), to);
  const files = new Attachments(() => { text.required = !files.files.length; });
  const form = h('form.composer', { onsubmit: send },
    recipient, reply, files.list, files.picker,
    h('div.row', null, files.button, text, h('button.main-button', { type: 'submit' }, word('send'))));
  const fresh = mayWrite ? button('button', word('newChat'), () => { show(null, true); to.focus(); }) : null;
  const pane = h('section.conversation', null, title, log, mayWrite ? form : null);
  const frame = h('div.talk', { onkeydown: onKey },
    h('section.chat-list', null, h('div.row', null, field(word('filter'), search), fresh), chats, more), pane);

  const isConnected = () => app.sessions.find((one) => one.session === session)?.state === 'connected';
  const quietly = (promise) => promise.catch((problem) => { if (!closed) toast(problemText(problem), true); });

  const waiting = () => emptyState(word('waiting'), word('waitingHint'));

  function drawSoon() {
    timer ||= setTimeout(() => { timer = 0; draw(); }, DRAW_AFTER);
  }

  function draw() {
    if (closed) return;
    const shown = conversations.list(wanted);
    const nothing = () => (wanted ? emptyState(word('nothingFound')) : waiting());
    update(chats, shown.length ? shown.map(entry) : nothing());
    const loadMore = () => quietly(conversations.loadMoreChats());
    update(more, conversations.next && !wanted ? button('button', word('more'), loadMore) : null);
    frame.classList.toggle('opened', opened !== null || !recipient.hidden);
    drawConversation();
  }

  function entry({ chat, name, last, at, unread }) {
    const current = chat === opened ? 'true' : null;
    return h('button.chat', { type: 'button', role: 'listitem', 'aria-current': current, onclick: () => show(chat) },
      h('strong', null, name), at ? ago(new Date(at).toISOString()) : null,
      h('span.soft', { dir: 'auto' }, last ?? ''),
      unread ? unreadMark(unread) : null);
  }

  const unreadMark = (count) =>
    h('span.count', { 'aria-label': word('unread', number(Math.abs(count))) }, count > 0 ? number(count) : '●');

  function drawConversation() {
    const chat = conversations.chats.get(opened), items = opened ? conversations.of(opened, drawn) : [];
    const number_ = opened ? readableAddress(opened) : '';
    update(title, h('div.row', null,
      button('plain', '←', () => show(null), { 'aria-label': word('back') }),
      h('h2', null, chat?.name ?? word(recipient.hidden ? 'chooseChat' : 'newChat')),
      chat && chat.name !== number_ && !number_.includes('@') ? h('span.soft', null, number_) : null));
    const atEnd = isAtEnd(), from = log.scrollHeight - log.scrollTop;
    const parts = [];
    let day = '';
    for (const item of items) {
      const at = new Date(item.at).toLocaleDateString(locale(), { weekday: 'long', day: 'numeric', month: 'long' });
      if (at !== day) parts.push(h('p.day', null, (day = at)));
      parts.push(bubble(item, { onReply: mayWrite ? answer : null, onFile }));
    }
    update(log, parts.length ? parts : emptyState(word(opened ? 'noMessages' : 'chooseChatHint')));
    if (atEnd) stayAtEnd();
    else if (loading || growing) log.scrollTop = log.scrollHeight - from;
    growing = false;
  }

  const onFile = (item) => quietly(conversations.findFile(item));

  const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;

  // Pictures that load later push the end down.
  function stayAtEnd() {
    const toEnd = () => { log.scrollTop = log.scrollHeight; };
    for (const picture of log.querySelectorAll('img')) picture.addEventListener('load', toEnd, { once: true });
    toEnd();
  }

  // Opens a chat; with null none, or the form for a new one.
  function show(chat, isNew = false) {
    opened = chat;
    drawn = DRAWN;
    answer(null);
    recipient.hidden = !isNew;
    to.required = isNew;
    if (mayWrite) form.hidden = chat === null && !isNew;
    log.replaceChildren();
    draw();
    stayAtEnd();
    if (chat === null) return;
    if (isConnected()) {
      load(chat);
      quietly(conversations.markRead(chat));
    }
    if (mayWrite) text.focus();
  }

  function load(chat) {
    if (loading) return;
    loading = conversations.loadOlder(chat);
    quietly(loading).finally(() => { draw(); loading = null; });
  }

  function onScroll() {
    if (log.scrollTop > NEAR || !opened) return;
    if (conversations.count(opened) > drawn) {
      drawn += DRAWN;
      growing = true; // what was at the top stays in sight, so that there is a way further up
      drawSoon();
    } else if (isConnected() && log.scrollHeight > log.clientHeight) load(opened);
  }

  function onKey(event) {
    if (!['ArrowDown', 'ArrowUp'].includes(event.key) || !chats.contains(event.target)) return;
    const side = event.key === 'ArrowDown' ? 'nextElementSibling' : 'previousElementSibling';
    event.target.closest('.chat')?.[side]?.focus();
    event.preventDefault();
  }

  // Answer this message with the next one; null: none.
  function answer(item) {
    answering = item;
    reply.hidden = !item;
    const cancel = () => button('plain', '✕', () => answer(null), { 'aria-label': word('cancel') });
    update(reply, item ? [h('span', { dir: 'auto' }, `↩ ${item.body}`), cancel()] : []);
    if (item) text.focus();
  }

  // Sends the first file, with the text as its caption, or else the text. What was sent leaves the form.
  async function sendNext() {
    const isFile = files.files.length > 0;
    const content = isFile ? await files.next(text.value.trim()) : { message: text.value };
    const command = { to: opened ?? to.value, ...content, priority: 'human' };
    if (answering) command.reply_to = answering.id;
    const sent = await post(`${sessionPath(session)}/sends`, command);
    answer(null);
    if (!isFile || Object.values(content)[0].caption) text.value = '';
    if (isFile) files.shift();
    return sent;
  }

  async function send(event) {
    event.preventDefault();
    const submit = form.querySelector('button[type=submit]');
    submit.disabled = true;
    try {
      let sent;
      while (files.files.length || text.value.trim()) sent = await sendNext();
      await feed.readOutbox();
      if (opened === null) show(sent.chat ?? sent.to);
      stayAtEnd();
    } catch (problem) {
      toast(problemText(problem), true);
    } finally {
      submit.disabled = false;
      text.focus();
    }
  }

  function refresh() {
    feed.follow(app.sessions.find((one) => one.session === session));
    feed.readOutbox();
    if (!listed && isConnected()) {
      listed = true;
      quietly(conversations.loadChats());
    }
  }

  files.listen(pane, text);
  view.append(heading(word('messages'), word('messagesLead')), frame);
  show(null);
  refresh();
  return {
    refresh,
    close: () => {
      closed = true;
      feed.close();
      [timer, asking].forEach(clearTimeout);
    },
  };
}
