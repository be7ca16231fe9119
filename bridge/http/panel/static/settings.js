// Every setting of bridge, responder and campaigns with the value in force, and where it comes from. Read-only: they
// stand in the environment or `.env`.

import { account, get } from './api.js';
import { h, update } from './element.js';
import { language, word } from './language.js';
import { problemText } from './problems.js';
import { chip, emptyState, field, heading } from './widgets.js';

// A service that does not run has no part; settings that it shares are those of the bridge.
const PARTS = [
  { name: 'bridge', path: '/v1/settings', runs: () => true },
  { name: 'responder', path: '/v1/responder/settings', runs: () => account.me.responder },
  { name: 'campaigns', path: '/v1/campaigns/settings', runs: () => account.me.campaigns },
];

export function open(view) {
  const chips = h('div.chips'), list = h('div'), waiting = h('div', { role: 'status' });
  const text = h('input', { type: 'search', maxlength: 100, autocomplete: 'off', oninput: draw });
  let parts = null, spanish = {}, onlyOwn = false, closed = false;

  async function load() {
    if (language() === 'es') spanish = (await import('./texts/setting_texts.js')).settingTexts;
    const found = await Promise.all(PARTS.filter(({ runs }) => runs()).map(read));
    if (closed) return;
    const shared = new Set(found[0].settings.map(({ name }) => name));
    parts = [found[0], ...found.slice(1).map((part) =>
      ({ ...part, settings: part.settings.filter(({ name }) => !shared.has(name)) }))];
    draw();
  }

  async function read({ name, path }) {
    try {
      return { name, settings: (await get(path)).settings };
    } catch (problem) {
      if (name === 'bridge') throw problem;
      return { name, settings: [], problem };
    }
  }

  const meaning = ({ name, description }) => spanish[name] ?? description;

  function draw() {
    if (!parts) return;
    const choose = (own) => { onlyOwn = own; draw(); };
    update(chips,
      chip(word('everySetting'), !onlyOwn, () => choose(false)),
      chip(word('onlyDiffering'), onlyOwn, () => choose(true)));
    const wanted = text.value.trim().toLowerCase();
    const shown = parts.map((part) => ({
      ...part,
      settings: part.settings.filter((one) =>
        (!onlyOwn || one.waits || one.source !== 'default')
        && `${one.name} ${meaning(one)}`.toLowerCase().includes(wanted)),
    })).filter(({ settings, problem }) => settings.length || problem);
    const names = parts.flatMap(({ settings }) => settings).filter(({ waits }) => waits).map(({ name }) => name);
    update(waiting, names.length ? h('p.advice.wait', null, word('settingsWait', names.join(', '))) : null);
    update(list, shown.length ? shown.map(section)
      : emptyState(word(onlyOwn && !wanted ? 'allDefaults' : 'nothingFound')));
  }

  const section = ({ name, settings, problem }) => h('section', null,
    h('h2', null, word(`settingsOf_${name}`)),
    problem ? h('p.advice.wait', null, problemText(problem)) : null,
    h('div.settings', null, settings.map(row)));

  function row(setting) {
    const { name, value, source, default: usual, secret, is_set: isSet, live, waits } = setting;
    const said = secret ? word(isSet ? 'secretSet' : 'secretNotSet') : value;
    return h('article.setting', { 'aria-label': name },
      h('div.row.apart', null,
        h('h3.mono', null, name),
        h(`span.badge.${source === 'default' ? 'dim' : 'calm'}`, null, word(`source_${source.replace(/\W/, '')}`))),
      h('p.mono.value', null, said),
      h('p.soft', null, meaning(setting)),
      h('p.soft', null, [
        source !== 'default' && usual !== null ? word('defaultIs', usual) : null,
        live ? word('settingLive') : null,
      ].filter(Boolean).join(' ')),
      waits ? h('p.advice.wait', null, word('settingWaits')) : null);
  }

  view.append(
    heading(word('settings'), word('settingsLead')),
    h('section.card', null,
      h('div.row.narrowing', null, chips, field(word('settingFilter'), text)),
      waiting, list, h('p.soft', null, word('settingsElsewhere'))));
  load().catch((problem) => { if (!closed) update(list, emptyState(problemText(problem))); });
  return { refresh: () => null, close: () => { closed = true; } };
}
