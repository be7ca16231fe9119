// The frame: who is logged in, which section is shown, in which language; and the pulse that keeps it true.

import { enter, get, leave, login, may, resume } from './api.js';
import { h, show, svg, toast } from './element.js';
import { said } from './faults.js';
import { language, locale, speak, translate, word } from './words.js';
import * as sessions from './sessions.js';
import * as messages from './messages.js';
import * as outbox from './outbox.js';
import * as listeners from './listeners.js';
import * as charts from './charts.js';
import * as access from './access.js';

//: Of each section: its file, its icon, the scope that it needs, and whether it is about one session.
const SECTIONS = {
  sessions: [sessions, 'M4 6h16v12H4zM8 21h8M12 18v3', null, false],
  messages: [messages, 'M4 5h16v11H9l-5 4z', 'listen', true],
  outbox: [outbox, 'M3 11l18-7-7 17-3-7z', 'send', true],
  listeners: [listeners, 'M7 8a6 6 0 0 1 10 0M4 5a10 10 0 0 1 16 0M12 13v8M9 21h6M12 13a2 2 0 1 0 0-4 2 2 0 0 0 0 4', 'listen', true],
  charts: [charts, 'M4 20V10M10 20V4M16 20v-7M21 20H3', null, true],
  access: [access, 'M14 10a4 4 0 1 0-4 4M12 12l8 8M17 17l2-2', 'admin', false],
};
//: Milliseconds between two looks at the sessions.
const EVERY = 2000;
const NAMES = { es: 'Español', en: 'English' };
const $ = (id) => document.getElementById(id);
const world = { sessions: [], session: null };
let shown = null, seen = new Date();

async function start() {
  const link = new URLSearchParams(location.hash.slice(1)).get('link');
  if (link) history.replaceState(null, '', location.pathname + '#sessions'); // it works once and must not be kept
  try {
    const told = await resume();
    if (!login.me && link) await enter({ link });
    // trusted, and no cookie yet: with one, the first key that is made does not shut this browser out
    else if (!login.me && told.trusted) await enter();
  } catch (problem) {
    return door(problem.status === 401 ? word('linkUsed') : said(problem));
  }
  return login.me ? open() : door();
}

function door(problem = '') {
  login.me = null;
  shown?.end?.();
  shown = null;
  $('frame').hidden = true;
  translate(document);
  document.title = 'WhatsApp ⇄ MQTT';
  const other = language() === 'es' ? 'en' : 'es';
  const field = h('input', { type: 'password', name: 'key', id: 'key', autocomplete: 'current-password', required: true });
  const told = h('p.bad', { role: 'alert' }, problem);
  const form = h('form', { onsubmit: async (event) => {
    event.preventDefault();
    told.textContent = '';
    try {
      await enter({ key: field.value.trim() });
      open();
    } catch (error) {
      told.textContent = error.status === 401 ? word('wrongKey') : said(error);
      field.select();
    }
  } }, h('label.field', { for: 'key' }, h('span', null, word('key')), field), told, h('button.main-button', { type: 'submit' }, word('enter')));
  $('door').replaceChildren(h('main.door', null, h('div.card', null,
    h('p.brand', null, h('img', { src: '/panel/static/icon.svg', alt: '', width: 28, height: 28 }), h('span', null, 'WhatsApp ⇄ MQTT')),
    h('h1', null, word('enter')), h('p.soft', null, word('doorHelp')), form),
  h('button.plain', { type: 'button', lang: other, onclick: () => { speak(other); door(); } }, NAMES[other])));
  field.focus();
}

async function open() {
  $('door').replaceChildren();
  $('frame').hidden = false;
  dress();
  await beat();
  route();
}

function dress() {
  translate(document);
  const other = language() === 'es' ? 'en' : 'es';
  Object.assign($('language'), { textContent: NAMES[other], lang: other });
  $('leave').hidden = login.me.trusted;
  tabs();
}

function tabs() {
  const current = section();
  show($('tabs'), Object.entries(SECTIONS).filter(([, [, , scope]]) => !scope || may(scope)).map(([name, [, icon]]) => {
    const bad = name === 'sessions' ? world.sessions.filter((one) => sessions.tone(one.state) === 'bad').length : 0;
    const drawn = svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: icon }));
    return h('a', { href: `#${name}`, 'aria-current': name === current ? 'page' : null }, drawn, word(name), bad ? h('span.count', null, String(bad)) : null);
  }));
}

const section = () => (SECTIONS[location.hash.slice(1)] ? location.hash.slice(1) : 'sessions');

function route(event) {
  if (!login.me) return;
  shown?.end?.();
  const view = $('view');
  view.replaceChildren();
  tabs();
  pick();
  document.title = `${word(section())} · WhatsApp ⇄ MQTT`;
  shown = SECTIONS[section()][0].open(view, world);
  if (event) view.focus({ preventScroll: true });
}

async function beat() {
  if (!login.me) return;
  try {
    const told = await get('/v1/sessions');
    world.sessions = told.sessions;
    if (!world.sessions.some((one) => one.session === world.session)) world.session = world.sessions[0]?.session ?? null;
    seen = new Date();
    $('pulse').textContent = '';
    $('frame').classList.remove('lost');
    pick();
    tabs();
    shown?.tick?.();
  } catch (problem) {
    if (problem.status === 401) return;
    const time = seen.toLocaleTimeString(locale(), { hourCycle: 'h23' });
    $('pulse').textContent = `${problem.code === 'offline' ? word('lost') : said(problem)} (${word('stale', time)})`;
    $('frame').classList.add('lost');
  }
}

function pick() {
  $('pick').hidden = world.sessions.length < 2 || !SECTIONS[section()][3];
  show($('session'), world.sessions.map(({ session }) => h('option', { value: session, selected: session === world.session }, session)));
}

$('session').addEventListener('change', (event) => { world.session = event.target.value; route(); });
$('language').addEventListener('click', (event) => { speak(event.target.lang); dress(); route(); });
$('leave').addEventListener('click', async () => { await leave().catch(() => null); door(); });
document.addEventListener('renewed', () => { if (login.me) dress(); });
document.addEventListener('logged-out', () => { if (login.me) door(); });
window.addEventListener('hashchange', route);
window.addEventListener('unhandledrejection', (event) => { toast(event.reason ? said(event.reason) : '', true); event.preventDefault(); });
setInterval(() => { if (!document.hidden) beat(); }, EVERY);
document.addEventListener('visibilitychange', () => { if (!document.hidden) beat(); });
start();
