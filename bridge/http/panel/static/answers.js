// Automatic answers: the switch, a sentence to try, the rules, opening hours and quick replies.

import { get, post, put, query } from './api.js';
import { openDialog, openForm } from './dialogs.js';
import { h, update } from './element.js';
import { lookup, word } from './language.js';
import { problemText } from './problems.js';
import { RulesText } from './rules_text.js';
import { button, emptyState, field, heading, toast } from './widgets.js';

const RULES = '/v1/responder/rules', SWITCHES = '/v1/responder/switches';
const KINDS = ['whole', 'starts', 'contains', 'matches', 'needs'];
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

export function open(view) {
  const switches = h('div.choices'), faults = h('ul.rows'), result = h('div', { role: 'status' });
  const shown = h('div.rules'), source = h('p.soft'), tools = h('div.row'), editing = h('div', { hidden: true });
  const hours = h('form.editor-hours', { onsubmit: saveHours }), replies = h('div.choices');
  const text = new RulesText(() => text.show([]));
  const sentence = h('input', { name: 'sentence', required: true, maxlength: 4096, autocomplete: 'off' });
  let state = null, closed = false;

  const isEditing = () => !editing.hidden;

  // Runs a change; returns what it returns, or null with its problem shown.
  async function attempt(work) {
    try {
      return await work();
    } catch (problem) {
      toast(problemText(problem), true);
      return null;
    }
  }

  function take(found) {
    if (closed || !found) return;
    state = found;
    source.textContent = word(found.own ? 'rulesOwn' : 'rulesShipped', found.path);
    update(shown, found.rules.length ? found.rules.map(ruleCard) : emptyState(word('noRules')));
    drawTools();
    drawHours();
    drawReplies();
    if (found.mistakes.length && !isEditing()) edit();
  }

  function ruleCard({ name, when, answers }) {
    const phrases = when.flatMap((pattern) => KINDS.filter((kind) => pattern[kind]).map((kind) =>
      h('p', null, h('span.soft', null, `${word(`rule_${kind}`)} `), pattern[kind].join(' · '))));
    const said = answers.flatMap(({ texts }) => texts.map((one) => h('p.said', { dir: 'auto' }, one)));
    return h('details.rule', null, h('summary', null, name), phrases, said);
  }

  function drawTools() {
    update(tools, isEditing()
      ? [button('main-button', word('save'), saveText), button('button', word('checkRules'), check),
        button('button', word('cancel'), stopEditing)]
      : button('button', word(state.own ? 'editRules' : 'makeRules'), edit));
  }

  function edit() {
    editing.hidden = false;
    shown.hidden = true;
    text.value = state.text;
    text.show(state.mistakes);
    drawTools();
    text.area.focus({ preventScroll: true });
  }

  function stopEditing() {
    editing.hidden = true;
    shown.hidden = false;
    drawTools();
  }

  async function check() {
    const found = await attempt(() => query(`${RULES}/check`, { text: text.value }));
    if (!found) return false;
    text.show(found.mistakes);
    if (!found.mistakes.length) toast(word('rulesRight', found.rules.length));
    return !found.mistakes.length;
  }

  async function saveText() {
    if (!(await check())) return;
    const saved = await attempt(() => put(RULES, { text: text.value, revision: state.revision }));
    if (!saved) return;
    stopEditing();
    take(saved);
    toast(word('rulesSaved'));
  }

  async function trySentence(event) {
    event.preventDefault();
    const body = { message: sentence.value, ...(isEditing() ? { text: text.value } : {}) };
    const found = await attempt(() => query(`${RULES}/try`, body));
    if (!found) return;
    if (found.mistakes.length) text.show(found.mistakes);
    update(result, tried(found));
  }

  function tried({ rule, answer, forbidden, model, mistakes }) {
    if (mistakes.length) return h('p.bad', null, word('rulesWrong'));
    if (!rule) return h('p', null, word(model ? 'triedModel' : 'triedNone'));
    return [
      h('p', null, word('triedRule', rule)),
      h('p.said', { dir: 'auto' }, answer),
      forbidden ? h('p.bad', null, word('triedForbidden', forbidden)) : null,
    ];
  }

  function drawHours() {
    const { days, closed_text: closedText, zone, in_file: inFile, open_now: isOpen } = state.hours;
    // a value that is typed is no attribute: without `data-saved` hours that were saved elsewhere would not be shown
    const day = (name, index) => field(word(`weekday_${name}`), h('input', {
      name, value: days[index], 'data-saved': days[index], maxlength: 200, autocomplete: 'off',
      placeholder: '09:00-13:00, 15:00-19:00',
    }));
    update(hours,
      h('p.soft', null, word('hoursLead', zone), ' ', word(isOpen ? 'openNow' : 'closedNow')),
      inFile ? null : h('p.soft', null, word('hoursOfSettings')),
      h('div.days', null, DAYS.map(day)),
      field(word('closedText'), h('textarea', {
        name: 'closed', rows: 2, maxlength: 4096, value: closedText, 'data-saved': closedText,
      })),
      h('div.row', null, h('button.main-button', { type: 'submit' }, word('saveHours'))));
  }

  async function saveHours(event) {
    event.preventDefault();
    const data = new FormData(hours), days = DAYS.map((day) => data.get(day).trim());
    const body = { days, closed_text: data.get('closed').trim(), revision: state.revision };
    const saved = await attempt(() => put(`${RULES}/hours`, body));
    take(saved);
    if (saved) toast(word('done'));
  }

  function drawReplies() {
    const act = (kind, key, name, change) =>
      button(kind, word(key), change, { 'aria-label': `${word(key)} ${name}` });
    const one = ({ name, text: said }, index) => h('div.row.apart.reply', null,
      h('div', null, h('strong', null, name), h('p.soft', { dir: 'auto' }, said)),
      h('span.row', null,
        act('button', 'edit', name, () => changeReply(index)),
        act('danger', 'remove', name, () => removeReply(index))));
    update(replies, state.templates.length ? state.templates.map(one) : emptyState(word('noReplies')));
  }

  const putReplies = (templates) => put(`${RULES}/templates`, { templates, revision: state.revision });

  async function changeReply(index) {
    const old = state.templates[index];
    const given = (entered, name) => ({ name, required: true, value: entered?.get(name) ?? old?.[name] ?? '' });
    const describe = (entered) => ({
      title: word(old ? 'edit' : 'addReply'),
      action: word('save'),
      cancel: word('cancel'),
      fields: [
        field(word('name'), h('input', { maxlength: 64, autocomplete: 'off', ...given(entered, 'name') })),
        field(word('text'), h('textarea', { maxlength: 4096, rows: 4, ...given(entered, 'text') })),
      ],
    });
    take(await openForm(describe, (data) => {
      const made = { name: data.get('name').trim(), text: data.get('text').trim() };
      const others = [...state.templates];
      others.splice(index ?? others.length, old ? 1 : 0, made);
      return putReplies(others);
    }));
  }

  async function removeReply(index) {
    const { name } = state.templates[index], question = { title: word('removeReply', name), action: word('remove') };
    if (!(await openDialog({ ...question, cancel: word('cancel'), danger: true }))) return;
    take(await attempt(() => putReplies(state.templates.filter((_, at) => at !== index))));
  }

  async function loadSwitches() {
    const { active, clients, amiss, faults: recent } = await get(SWITCHES);
    if (closed) return;
    const control = (label, on, change) => h('label.check', null, h('input', {
      type: 'checkbox',
      role: 'switch',
      checked: on,
      'data-on': String(on), // a box that was clicked elsewhere differs
      onchange: ({ target }) => attempt(() => change(target.checked)).then(loadSwitches),
    }), label);
    const client = ({ cliente_id: id, active: on }) => control(word('clientOf', id), on,
      (wanted) => post(`/api/bot-config/toggle/${id}`, { bot_activo: wanted ? 1 : 0 }));
    update(switches,
      control(word('answersOn'), active, (wanted) => post(`${SWITCHES}/active`, { active: wanted })),
      clients.length > 1 ? clients.map(client) : null);
    update(faults,
      amiss.map((part) => h('li.bad', null, lookup('words', `amiss_${part}`) ?? part)),
      recent.map(({ where, text: said }) => h('li', null, `${where}: ${said}`)));
  }

  const load = () => Promise.all([get(RULES).then(take), loadSwitches()]);
  const refresh = () => { if (state) loadSwitches().catch(() => null); };

  const card = (title, lead, ...content) => h('section.card', null,
    h('div.head', null, h('h2', null, title), lead ? h('p.soft', null, lead) : null), content);
  const attemptForm = h('form.row.try', { onsubmit: trySentence },
    field(word('sentence'), sentence), h('button.main-button', { type: 'submit' }, word('tryIt')));
  editing.append(text.element);
  view.append(
    heading(word('answers'), word('answersLead')),
    h('div.answers', null,
      card(word('automatic'), null, switches, faults),
      card(word('trySentence'), word('tryLead'), attemptForm, result),
      card(word('rules'), null, source, shown, editing, tools),
      card(word('openingHours'), null, hours),
      card(word('quickReplies'), word('repliesLead'), replies,
        h('div.row', null, button('button', word('addReply'), () => changeReply())))));
  load().catch((problem) => { if (!closed) view.append(emptyState(problemText(problem))); });
  return { refresh, close: () => { closed = true; } };
}
