// The conversations of one session: chats beside the messages of the open one, with a form to write.

import { MessageMenu } from './acts.js';
import { hasScope, sessionPath } from './api.js';
import { isGroup, readableAddress } from './addresses.js';
import { Attachments } from './attachments.js';
import { BotBar } from './bot_bar.js';
import { bubble } from './bubble.js';
import { KINDS, askFor } from './composer_forms.js';
import { Conversations } from './conversations.js';
import { h, update } from './element.js';
import { number, word } from './language.js';
import { MessageFeed } from './message_feed.js';
import { MessageList } from './message_list.js';
import { MessageSearch, bring } from './message_search.js';
import { postOnce } from './once.js';
import { problemText } from './problems.js';
import { QuickReplies } from './quick_replies.js';
import { ticks } from './ticks.js';
import { ago } from './times.js';
import { button, chip, emptyState, field, heading, icon, named, SEND_ICON, toast } from './widgets.js';

//: Milliseconds between a change and the drawing of it, so that a burst of messages is drawn once.
const DRAW_AFTER = 80;

// `first`: the chat that is opened at once, or the number to write to.
export function open(view, app, first) {
  const { session } = app, mayWrite = hasScope('send');
  const conversations = new Conversations(session, drawSoon);
  const feed = new MessageFeed(session, conversations);
  const chats = h('ul.chats', { 'aria-label': word('chats') }), none = h('div');
  const act = (content) => quietly(submit(content));
  const offers = (kind) => mayWrite && (mine()?.sends?.includes(kind) ?? false);
  const forwarded = ({ chat, to }) => { show(chat ?? to); };
  const menu = new MessageMenu({ act, submit, offers, forwarded, chats: () => conversations.list() });
  const onMenu = (item, opener) => menu.open(list.shown(item.key) ?? item, opener);
  const onReply = (item) => answer(list.shown(item.key) ?? item);
  const onJump = (id) => list.jump(id);
  const list = new MessageList({
    look: (item) => conversations.look(item),
    draw: (item) => bubble(item, { onFile, onJump, ...(mayWrite ? { onReply, onMenu } : {}) }),
    onTop: () => { if (opened && isConnected()) load(opened); },
  });
  const found = new MessageSearch(session, { onOpen: (hit) => quietly(openFound(hit)), onChange: drawSoon });
  const title = h('header.chat-title'), more = h('div.row'), chips = h('div.chips', { hidden: true });
  const bot = new BotBar(session);
  let onlyWaiting = false;
  let opened = null, wanted = '', answering = null, attempt = {}; // the attempt to send what is written
  let loading = null, listed = false, closed = false, timer = 0, asking = 0;

  const search = h('input', {
    type: 'search',
    title: word('filterHint'),
    autocomplete: 'off',
    oninput: ({ target }) => {
      wanted = target.value.trim().toLowerCase();
      clearTimeout(asking);
      asking = setTimeout(() => quietly(searchAll(target.value.trim())), 300);
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
    oninput: () => { attempt = {}; },
    onkeydown: (event) => {
      if (event.key === 'Escape') answer(null);
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    },
  });
  const reply = h('div.reply-to', { hidden: true }), recipient = field(word('to'), to);
  const files = new Attachments(() => { text.required = !files.files.length; });
  const others = h('div.row.others', { hidden: true });
  const other = button('plain', '+', () => showOthers(others.hidden),
    { 'aria-label': word('sendOther'), title: word('sendOther'), 'aria-expanded': 'false' });
  const quick = new QuickReplies(text);
  const sending = h('p.soft', { role: 'status', hidden: true }, `${word('sending')}…`);
  const form = h('form.composer', { onsubmit: send },
    recipient, reply, sending, files.list, files.picker, others, quick.list,
    h('div.row', null, other, files.button, quick.button, text,
      h('button.main-button', { type: 'submit', 'aria-label': word('send') },
        icon(SEND_ICON), h('span', null, word('send')))));
  const fresh = mayWrite ? button('button', word('newChat'), () => { show(null, true); to.focus(); }) : null;
  const pane = h('section.conversation', null, title, bot.element, list.element, mayWrite ? form : null, menu.element);
  const frame = h('div.talk', { onkeydown: onKey },
    h('section.chat-list', null,
      h('div.row', null, field(word('filter'), search), fresh), chips, chats, none, more, found.element),
    pane);

  const mine = () => app.sessions.find((one) => one.session === session);
  const isConnected = () => mine()?.state === 'connected';
  const quietly = (promise) => promise.catch((problem) => { if (!closed) toast(problemText(problem), true); });

  const waiting = () => emptyState(word('waiting'), word('waitingHint'));

  function drawSoon() {
    timer ||= setTimeout(() => { timer = 0; draw(); }, DRAW_AFTER);
  }

  function draw() {
    if (closed) return;
    const waits = app.waiting.chats.filter((chat) => chat.session === session);
    if (!waits.length) onlyWaiting = false;
    drawChips(waits.length);
    const shown = onlyWaiting ? waits.map(waitingChat) : conversations.list(wanted);
    update(chats, shown.map(entry));
    const nothing = () => (!wanted ? waiting() : found.isEmpty ? emptyState(word('nothingFound')) : null);
    update(none, shown.length ? null : nothing());
    const loadMore = () => quietly(conversations.loadMoreChats());
    update(more, conversations.next && !wanted && !onlyWaiting ? button('button', word('more'), loadMore) : null);
    frame.classList.toggle('opened', opened !== null || !recipient.hidden);
    drawConversation();
  }

  // Which chats are listed: all, or those whose newest message has no answer.
  function drawChips(count) {
    chips.hidden = !count;
    const choose = (only) => () => { onlyWaiting = only; draw(); };
    update(chips, chip(word('all'), !onlyWaiting, choose(false)),
      chip(word('withoutAnswer', number(count)), onlyWaiting, choose(true)));
  }

  const waitingChat = ({ chat, name, last_text: last, last_at: at, person }) =>
    ({ chat, name: name ?? conversations.chats.get(chat)?.name ?? readableAddress(person), last, at: at * 1000 });

  function entry({ chat, name, last, at, unread }) {
    const current = chat === opened ? 'true' : null;
    const open = { type: 'button', 'aria-current': current, onclick: () => show(chat) };
    return h('li', { 'data-key': chat }, h('button.chat', open,
      named('strong', name), at ? ago(new Date(at).toISOString()) : null,
      h('span.soft', { dir: 'auto' }, notSent(chat), last ?? ''),
      unread ? unreadMark(unread) : null));
  }

  // The mark of a chat whose newest message did not leave, or may not have left.
  function notSent(chat) {
    const state = conversations.of(chat).at(-1)?.state;
    return state === 'failed' || state === 'unknown' ? ticks(state) : null;
  }

  const unreadMark = (count) =>
    h('span.count', { 'aria-label': word('unread', number(Math.abs(count))) }, count > 0 ? number(count) : '●');

  function drawConversation() {
    const chat = conversations.chats.get(opened);
    const number_ = opened ? readableAddress(opened) : '';
    update(title, h('div.row', null,
      button('plain', '←', () => show(null), { 'aria-label': word('back') }),
      h('h2', { dir: 'auto', title: chat?.name },
        chat ? aboutLink(chat) : word(recipient.hidden ? 'chooseChat' : 'newChat')),
      chat && chat.name !== number_ && !number_.includes('@') ? h('span.soft', null, number_) : null));
    list.take(items(), noMessages());
  }

  const aboutLink = ({ chat, name }) =>
    h('a', { href: `#${isGroup(chat) ? 'groups' : 'people'}/${chat}` }, name);

  const items = () => (opened ? conversations.of(opened) : []);
  const noMessages = () => emptyState(word(opened ? 'noMessages' : 'chooseChatHint'));

  const onFile = (item) => quietly(conversations.findFile(item));

  // Opens a chat; with null none, or the form for a new one.
  function show(chat, isNew = false) {
    keepDraft();
    opened = chat;
    if (chat && onlyWaiting) conversations.meet({ chat, timestamp: 0 });
    bot.show(chat);
    answer(null);
    showOthers(false);
    recipient.hidden = !isNew;
    to.required = isNew;
    if (mayWrite) form.hidden = chat === null && !isNew;
    const draft = app.drafts.get(draftKey());
    text.value = draft?.written ?? '';
    attempt = draft?.attempt ?? {};
    files.set(draft?.chosen ?? []);
    list.restart(items(), noMessages());
    draw();
    const newest = chat && wanted && conversations.find(chat, wanted);
    if (newest) list.jump(newest.key);
    if (chat === null) return;
    if (isConnected()) {
      load(chat);
      quietly(conversations.markRead(chat));
    }
    if (mayWrite) text.focus();
  }

  // What is written belongs to its chat, and outlives a change of section or language.
  const draftKey = () => `${session} ${opened ?? ''}`;

  function keepDraft() {
    const draft = { written: text.value, chosen: files.files, attempt };
    if (draft.written || draft.chosen.length) app.drafts.set(draftKey(), draft);
    else app.drafts.delete(draftKey());
  }

  function openFirst() {
    const isChat = first?.includes('@');
    if (isChat) conversations.meet({ chat: first, timestamp: 0 });
    show(isChat ? first : null, Boolean(first) && !isChat);
    if (!first || isChat) return;
    to.value = decodeURIComponent(first);
    text.focus();
  }

  async function searchAll(typed) {
    await Promise.all([
      typed && isConnected() ? conversations.loadChats(typed.toLowerCase()) : null,
      found.search(typed),
    ]);
  }

  // Opens the chat of a message that was found, at that message.
  async function openFound(hit) {
    const { chat } = hit;
    show(chat);
    await loading;
    const isAmongOthers = await bring(conversations, hit, mine()?.epoch, () => loadPage(chat));
    if (closed || opened !== chat) return;
    draw();
    list.jump(hit.id);
    if (!isAmongOthers) toast(word('foundAlone'));
  }

  // Returns whether there was anything older.
  async function loadPage(chat) {
    await loading;
    if (closed || !isConnected() || opened !== chat) return false;
    const known = conversations.of(chat).length;
    load(chat);
    await loading;
    return conversations.of(chat).length > known;
  }

  function load(chat) {
    if (loading) return;
    loading = conversations.loadOlder(chat);
    quietly(loading).finally(() => {
      loading = null;
      draw();
      if (opened && opened !== chat && !closed && isConnected()) load(opened); // chosen meanwhile
    });
  }

  function onKey(event) {
    if (!['ArrowDown', 'ArrowUp'].includes(event.key) || !chats.contains(event.target)) return;
    const side = event.key === 'ArrowDown' ? 'nextElementSibling' : 'previousElementSibling';
    event.target.closest('li')?.[side]?.firstElementChild.focus();
    event.preventDefault();
  }

  // Answer this message with the next one; null: none.
  function answer(item) {
    answering = item;
    reply.hidden = !item;
    const cancel = () => button('plain', '✕', () => answer(null), { 'aria-label': word('cancel') });
    update(reply, item ? [named('span', `↩ ${item.body}`), cancel()] : []);
    if (item) text.focus();
  }

  const recipientNow = () => opened ?? to.value;

  // Sends what is no text. Raises what the bridge answers.
  async function submit(content, attempted = {}) {
    const sent = await postOnce(`${sessionPath(session)}/sends?wait=5`, { ...content, priority: 'human' }, attempted);
    await feed.readOutbox();
    return sent;
  }

  function showOthers(shown) {
    const usable = KINDS.filter(offers);
    other.hidden = !usable.length;
    others.hidden = !shown;
    other.setAttribute('aria-expanded', String(shown));
    const ask = async (kind) => {
      if (opened === null && !to.reportValidity()) return;
      const addressee = recipientNow(), attempted = {};
      showOthers(false);
      other.focus(); // the dialog gives the focus back to it
      const sent = await askFor(kind, (content) => submit({ to: addressee, ...content }, attempted));
      if (!sent || closed) return;
      if (opened === null) show(sent.chat ?? sent.to);
      list.toEnd();
      text.focus();
    };
    update(others, usable.map((kind) => button('button', word(`send_${kind}`), () => ask(kind))));
  }

  // Sends the first file of what was taken from the form, with its text as the caption, or else the text. What was sent
  // leaves `taken`.
  async function sendNext(taken) {
    const [file] = taken.chosen;
    const content = file ? await files.content(file, taken.written.trim()) : { message: taken.written };
    const command = { to: taken.to, ...content, priority: 'human' };
    if (taken.answering) command.reply_to = taken.answering.id;
    const sent = await postOnce(`${sessionPath(session)}/sends`, command, taken.attempt);
    taken.answering = null;
    if (!file || Object.values(content)[0].caption) taken.written = '';
    taken.chosen = taken.chosen.slice(1);
    return sent;
  }

  // What is written and chosen while it is sent stays; what was not sent comes back to its chat.
  async function send(event) {
    event.preventDefault();
    const submit = form.querySelector('button[type=submit]');
    if (submit.disabled) return; // Enter, pressed twice
    const taken = { chat: opened, to: recipientNow(), written: text.value, chosen: files.files, answering, attempt };
    submit.disabled = true;
    sending.hidden = false;
    text.value = '';
    attempt = {};
    files.set([]);
    answer(null);
    try {
      let sent;
      while (taken.chosen.length || taken.written.trim()) sent = await sendNext(taken);
      await feed.readOutbox();
      if (closed) return;
      if (opened === null && taken.chat === null && sent) show(sent.chat ?? sent.to);
      if (opened === (taken.chat ?? opened)) list.toEnd();
    } catch (problem) {
      toast(problemText(problem), true);
      putBack(taken);
    } finally {
      submit.disabled = false;
      sending.hidden = true;
      if ([document.body, submit].includes(document.activeElement)) text.focus();
    }
  }

  function putBack({ chat, written, chosen, answering: replied, attempt: made }) {
    const key = `${session} ${chat ?? ''}`;
    if (closed || chat !== opened) {
      const { written: later = '', chosen: others = [] } = app.drafts.get(key) ?? {};
      app.drafts.set(key, { written: later || written, chosen: [...chosen, ...others], attempt: made });
      return;
    }
    text.value ||= written;
    attempt = made;
    files.set([...chosen, ...files.files]);
    if (replied && !answering) answer(replied);
  }

  function refresh() {
    feed.follow(mine()).catch(() => null); // asked again with the next status
    feed.readOutbox();
    bot.poll();
    drawSoon();
    if (!listed && isConnected()) {
      listed = true;
      quietly(conversations.loadChats());
    }
  }

  files.listen(pane, text);
  view.append(heading(word('messages'), word('messagesLead')), frame);
  openFirst();
  refresh();
  return {
    refresh,
    keep: keepDraft,
    close: () => {
      keepDraft();
      closed = true;
      feed.close();
      [timer, asking].forEach(clearTimeout);
    },
  };
}
