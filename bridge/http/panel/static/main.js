// The frame: login, sections, language, and the polling that keeps the page up to date, by a timer and by hints.

import { account, get, hasScope, logIn, logOut, resumeLogin } from './api.js';
import { ChangeHints } from './change_hints.js';
import { closeDialog } from './dialogs.js';
import { h, update } from './element.js';
import './field_problems.js';
import { chooseLanguage, locale, otherLanguage, translate, word } from './language.js';
import { hideLogin, LANGUAGE_NAMES, showLogin } from './login.js';
import { problemText } from './problems.js';
import { tone } from './session_card.js';
import { heading, icon, SEND_ICON, toast } from './widgets.js';
import * as sessions from './sessions.js';
import * as messages from './messages.js';
import * as people from './people.js';
import * as groups from './groups.js';
import * as outbox from './outbox.js';
import * as campaigns from './campaigns.js';
import * as approvals from './approvals.js';
import * as webhooks from './webhooks.js';
import * as charts from './charts.js';
import * as answers from './answers.js';
import * as access from './access.js';
import * as mqtt from './mqtt.js';
import * as log from './log.js';
import * as settings from './settings.js';
import * as apiDocs from './api_docs.js';

const WEBHOOK_ICON =
  'M7 8a6 6 0 0 1 10 0M4 5a10 10 0 0 1 16 0M12 13v8M9 21h6M12 13a2 2 0 1 0 0-4 2 2 0 0 0 0 4';
const PERSON_ICON = 'M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 21c0-4 3.5-7 8-7s8 3 8 7';
const GROUP_ICON =
  'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M2 20c0-3.5 3-6 7-6s7 2.5 7 6M16 5a3.5 3.5 0 0 1 0 6M18 15c2 1 4 3 4 5';
const MEGAPHONE = 'M4 10v4h3l8 5V5L7 10zM18 9a4 4 0 0 1 0 6M8 14l1 6h2';
const CHECKED = 'M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6zM8.5 12l2.5 2.5 4.5-5';
const BOT_ICON = 'M12 3v3M5 6h14v11H9l-4 4zM9 11h.01M15 11h.01';
const MQTT_ICON = 'M4 20a16 16 0 0 1 16-16M4 20a9 9 0 0 1 9-9M4 20h.01M16 20a12 12 0 0 1 4-9';
const SLIDERS = 'M4 7h9M17 7h3M4 17h3M11 17h9M15 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4M9 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4';
const hasEverySession = () => account.me.everySession;
const hasResponder = () => account.me.responder;
const hasCampaigns = () => account.me.campaigns;
//: By the fragment of the address: a section's module, its icon, the scope it needs, whether it shows one session;
// `shown`: whether it is offered at all.
const SECTIONS = {
  sessions: { module: sessions, icon: 'M4 6h16v12H4zM8 21h8M12 18v3', scope: null, ofSession: false },
  messages: { module: messages, icon: 'M4 5h16v11H9l-5 4z', scope: 'listen', ofSession: true },
  people: { module: people, icon: PERSON_ICON, scope: 'listen', ofSession: true },
  groups: { module: groups, icon: GROUP_ICON, scope: 'listen', ofSession: true },
  outbox: { module: outbox, icon: SEND_ICON, scope: 'send', ofSession: true },
  approvals: { module: approvals, icon: CHECKED, scope: 'send', ofSession: true },
  campaigns: { module: campaigns, icon: MEGAPHONE, scope: 'send', ofSession: false, shown: hasCampaigns },
  answers: { module: answers, icon: BOT_ICON, scope: 'admin', ofSession: false, shown: hasResponder },
  listeners: { module: webhooks, icon: WEBHOOK_ICON, scope: 'listen', ofSession: true },
  charts: { module: charts, icon: 'M4 20V10M10 20V4M16 20v-7M21 20H3', scope: null, ofSession: true },
  access: { module: access, icon: 'M14 10a4 4 0 1 0-4 4M12 12l8 8M17 17l2-2', scope: 'admin', ofSession: false },
  mqtt: { module: mqtt, icon: MQTT_ICON, scope: 'admin', ofSession: false, shown: hasEverySession },
  log: { module: log, icon: 'M5 4h14v16H5zM8 8h8M8 12h8M8 16h5', scope: 'admin', ofSession: false },
  settings: { module: settings, icon: SLIDERS, scope: 'admin', ofSession: false, shown: hasEverySession },
  api: { module: apiDocs, icon: 'M8 6l-5 6 5 6M16 6l5 6-5 6M14 4l-4 16', scope: null, ofSession: false },
};
//: Milliseconds between two polls, and after which one without an answer has failed: a network that is gone is silent.
const EVERY = 2000, TIMEOUT = 10_000;
const $ = (id) => document.getElementById(id);
// What sections share: the statuses of all sessions, the name of the chosen one, the chats without an answer, and what
// is written and not sent: a phone ends a page that it does not show, and a reload must not lose it either.
const app = { sessions: [], session: null, waiting: { chats: [], waiting: 0 }, drafts: storedDrafts() };
const hints = new ChangeHints(() => { if (!document.hidden) pollAgain(); });
let section = null, lastPoll = new Date(), askingWaiting = false, polling = null;

function storedDrafts() {
  return new Map(JSON.parse(sessionStorage.getItem('drafts') ?? '[]'));
}

// Texts only: files cannot be stored here.
function storeDrafts() {
  section?.keep?.();
  const texts = [...app.drafts].map(([place, { written, attempt }]) => [place, { written, chosen: [], attempt }]);
  sessionStorage.setItem('drafts', JSON.stringify(texts));
}

const linkOf = () => new URLSearchParams(location.hash.slice(1)).get('link');

async function start() {
  const link = linkOf();
  // The token works once; it must stay neither in the address nor in the history.
  if (link) history.replaceState(null, '', `${location.pathname}#sessions`);
  try {
    const { trusted } = await resumeLogin();
    if (!account.me && link) await logIn({ link });
    // Trusted, without a cookie: with one, this browser keeps its access when the first key is made.
    else if (!account.me && trusted) await logIn();
  } catch (problem) {
    return leave(problem.status === 401 ? word('linkUsed') : problemText(problem));
  }
  return account.me ? enter() : leave();
}

function leave(problem) {
  closeDialog();
  section?.close();
  section = null;
  $('frame').hidden = true;
  showLogin(enter, problem);
  wantHints();
}

async function enter() {
  hideLogin();
  $('frame').hidden = false;
  drawFrame();
  await poll();
  openSection();
  wantHints();
}

const wantHints = () => hints.want(Boolean(account.me) && !document.hidden);

function drawFrame() {
  translate(document);
  const other = otherLanguage();
  Object.assign($('language'), { textContent: LANGUAGE_NAMES[other], lang: other });
  $('log-out').hidden = account.me.trusted;
  const { version, newer } = account.me;
  $('version').textContent = newer ? word('newerRelease', version, newer) : version;
  drawTabs();
}

function drawTabs() {
  const shown = Object.entries(SECTIONS).filter(([, { scope, shown: offered }]) =>
    (!scope || hasScope(scope)) && (!offered || offered()));
  const failing = app.sessions.filter(({ state }) => tone(state) === 'bad').length;
  update($('tabs'), shown.map(([name, { icon: path }]) =>
    h('a', { href: `#${name}`, 'aria-current': name === current() ? 'page' : null },
      icon(path),
      word(name),
      name === 'sessions' && failing ? h('span.count', null, String(failing)) : null,
      name === 'messages' && app.waiting.waiting ? waitingCount() : null)));
}

const waitingCount = () =>
  h('span.count', { 'aria-label': word('withoutAnswer', app.waiting.waiting) }, String(app.waiting.waiting));

function drawTitle() {
  const { waiting } = app.waiting;
  document.title = `${waiting ? `(${waiting}) ` : ''}${word(current())} · WhatsApp ⇄ MQTT`;
}

// The section that the address names, and the entry of it to open: `#people/5491155500001@c.us`, `#sessions/haby`.
const place = () => location.hash.slice(1).split('/');

function current() {
  const [fragment] = place();
  const known = Object.hasOwn(SECTIONS, fragment) && (SECTIONS[fragment].shown?.() ?? true);
  return known ? fragment : 'sessions';
}

function openSection(event) {
  if (!account.me) return;
  closeDialog();
  section?.close();
  const view = $('view'), name = current(), [, entry] = place();
  const { module, ofSession } = SECTIONS[name], once = entry && ofSession && app.session;
  // Opened once: a reload may show another session.
  if (once) history.replaceState(null, '', `#${name}`);
  view.replaceChildren();
  drawTabs();
  drawSessionChoice();
  drawTitle();
  $('tabs').querySelector('[aria-current]')?.scrollIntoView({ inline: 'nearest', block: 'nearest' });
  section = ofSession && !app.session ? openNothing(view, name) : module.open(view, app, entry);
  if (event && !once) view.focus({ preventScroll: true });
}

// Until the bridge has said which sessions there are.
function openNothing(view, name) {
  view.append(heading(word(name)));
  return { refresh() {}, close() {} };
}

// One at a time.
function poll() {
  polling ??= readSessions().finally(() => { polling = null; });
  return polling;
}

// What a poll that is under way has read may be older than a hint.
async function pollAgain() {
  await polling;
  await poll();
}

async function readSessions() {
  if (!account.me) return;
  try {
    const { sessions: found } = await get('/v1/sessions', TIMEOUT), before = app.session;
    app.sessions = found;
    if (!app.sessions.some(({ session }) => session === app.session)) app.session = app.sessions[0]?.session ?? null;
    if (hasResponder() && hasScope('listen')) pollWaiting();
    lastPoll = new Date();
    $('pulse').textContent = '';
    $('frame').classList.remove('lost');
    drawSessionChoice();
    drawTabs();
    drawTitle();
    // The first poll had failed, or the session that is shown was removed.
    if (section && app.session !== before && SECTIONS[current()].ofSession) openSection();
    else section?.refresh();
  } catch (problem) {
    if (problem.status === 401) return;
    const time = lastPoll.toLocaleTimeString(locale(), { hourCycle: 'h23' });
    const text = problem.code === 'offline' ? word('lost') : problemText(problem);
    $('pulse').textContent = `${text} (${word('stale', time)})`;
    $('frame').classList.add('lost');
  }
}

// Beside the poll, one at a time: a responder that hangs must hold up nothing else of the panel.
async function pollWaiting() {
  if (askingWaiting) return;
  askingWaiting = true;
  const none = { chats: [], waiting: 0 };
  app.waiting = await get('/v1/responder/chats?show=waiting&limit=200').catch(() => none);
  askingWaiting = false;
  if (!account.me) return;
  drawTabs();
  drawTitle();
}

function drawSessionChoice() {
  $('pick').hidden = app.sessions.length < 2 || !SECTIONS[current()].ofSession;
  const option = ({ session }) => h('option', { value: session, selected: session === app.session }, session);
  update($('session'), app.sessions.map(option));
}

$('session').addEventListener('change', (event) => {
  app.session = event.target.value;
  openSection();
});
$('language').addEventListener('click', (event) => {
  chooseLanguage(event.target.lang);
  drawFrame();
  openSection();
});
$('log-out').addEventListener('click', async () => {
  await logOut().catch(() => null);
  leave();
  app.drafts.clear(); // another person may log in
  storeDrafts();
});
document.addEventListener('renewed', () => { if (account.me) drawFrame(); });
document.addEventListener('logged-out', () => { if (account.me) leave(); });
// A link that is pasted into an open page loads nothing: it only changes the fragment.
window.addEventListener('hashchange', (event) => (linkOf() ? start() : openSection(event)));
window.addEventListener('unhandledrejection', (event) => {
  toast(event.reason ? problemText(event.reason) : '', true);
  event.preventDefault();
});
setInterval(() => { if (!document.hidden) poll(); }, EVERY);
document.addEventListener('visibilitychange', () => {
  wantHints();
  if (document.hidden) storeDrafts();
  else poll();
});
start();
