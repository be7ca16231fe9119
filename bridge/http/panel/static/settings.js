// Every setting with the value in force, and where it comes from. Read-only: they stand in the environment or `.env`.

import { get } from './api.js';
import { h, update } from './element.js';
import { word } from './language.js';
import { problemText } from './problems.js';
import { chip, emptyState, field, heading } from './widgets.js';

export function open(view) {
  const chips = h('div.chips'), list = h('div.settings'), waiting = h('div', { role: 'status' });
  const text = h('input', { type: 'search', maxlength: 100, autocomplete: 'off', oninput: draw });
  let settings = null, onlyOwn = false, closed = false;

  async function load() {
    const found = await get('/v1/settings');
    if (closed) return;
    settings = found.settings;
    draw();
  }

  function draw() {
    if (!settings) return;
    const choose = (own) => { onlyOwn = own; draw(); };
    update(chips,
      chip(word('everySetting'), !onlyOwn, () => choose(false)),
      chip(word('onlyDiffering'), onlyOwn, () => choose(true)));
    const wanted = text.value.trim().toLowerCase();
    const shown = settings.filter(({ name, description, source, waits }) =>
      (!onlyOwn || waits || source !== 'default')
      && `${name} ${description}`.toLowerCase().includes(wanted));
    const names = settings.filter(({ waits }) => waits).map(({ name }) => name);
    update(waiting, names.length ? h('p.advice.wait', null, word('settingsWait', names.join(', '))) : null);
    update(list, shown.length ? shown.map(row) : emptyState(word(onlyOwn && !wanted ? 'allDefaults' : 'nothingFound')));
  }

  function row({ name, value, source, default: usual, description, secret, is_set: isSet, live, waits }) {
    const said = secret ? word(isSet ? 'secretSet' : 'secretNotSet') : value;
    return h('article.setting', { 'aria-label': name },
      h('div.row.apart', null,
        h('h2.mono', null, name),
        h(`span.badge.${source === 'default' ? 'dim' : 'calm'}`, null, word(`source_${source.replace(/\W/, '')}`))),
      h('p.mono.value', null, said),
      h('p.soft', { lang: 'en' }, description),
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
