// The editor of a campaign: list, texts, hours, pace; a preview with real texts and the date on which it would end.

import { get, query, upload } from './api.js';
import { PLANNING, badRows, numbers, planOnce, previewOf } from './campaign_parts.js';
import { h, update } from './element.js';
import { counted, word } from './language.js';
import { problemText } from './problems.js';
import { timeOfDay } from './times.js';
import { button, field, heading } from './widgets.js';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const PACES = { pace_slow: '1/minute', pace_usual: '2/minute', pace_fast: '6/minute', pace_off: 'off' };
const WARM_UP = [20, 50, 100];

export function openEditor(view, app, { toList, toCampaign }) {
  const lists = h('select', { name: 'list' }), file = h('input', { type: 'file', accept: '.csv,.xlsx,.txt' });
  const texts = h('div.cards'), outcome = h('div.feed', { 'aria-live': 'polite' });
  const issue = h('p.bad', { role: 'alert' }), saving = {};
  let variants = [''], picture = null, pictureFile = null, uploaded = null, closed = false;

  const ends = [
    button('button', word('preview'), () => attempt(true)),
    button('main-button', word('plan'), () => attempt(false)),
  ];
  const form = h('form.editor', { onsubmit: (event) => event.preventDefault() },
    h('section.card', null,
      field(word('campaignName'), h('input', { name: 'name', required: true, maxlength: 120 })),
      app.sessions.length > 1
        ? field(word('session'), h('select', { name: 'session' }, app.sessions.map(({ session }) =>
          h('option', { value: session }, session))))
        : null,
      field(word('chosenList'), lists),
      field(word('listFile'), file)),
    h('section.card', null, texts, h('p.soft', null, word('textHint')),
      h('div.row', null, button('button', word('addVariant'), () => { keep(); variants.push(''); drawTexts(); })),
      h('p.soft', null, word('variantsHint')),
      field(word('askFirst'), h('textarea', { name: 'ask', rows: 2, maxlength: 65536 })),
      h('p.soft', null, word('askFirstHint')),
      field(word('pictureOptional'), h('input', { type: 'file', name: 'picture', accept: 'image/jpeg,image/png' }))),
    h('section.card', null, h('h2', null, word('whenItSends')),
      h('div.row', { role: 'group', 'aria-label': word('daysOfWeek') }, DAYS.map((day) => h('label.check', null,
        h('input', { type: 'checkbox', name: 'day', value: day, checked: true }), word(`day_${day}`)))),
      h('div.row', null,
        field(word('fromHour'), h('input', { type: 'time', name: 'from', value: '09:00', required: true })),
        field(word('toHour'), h('input', { type: 'time', name: 'to', value: '20:00', required: true }))),
      field(word('paceOf'), h('select', { name: 'pace' }, Object.entries(PACES).map(([name, value]) =>
        h('option', { value, selected: name === 'pace_usual' }, word(name))))),
      field(word('perDay'), h('input', { type: 'number', name: 'perDay', min: 1, max: 1000000 })),
      h('label.check', null, h('input', { type: 'checkbox', name: 'warmUp' }), word('warmUp')),
      field(word('startAt'), h('input', { type: 'datetime-local', name: 'startAt' })),
      h('div.row', { role: 'group', 'aria-label': word('leftOut') }, h('span.soft', null, word('leftOut')),
        h('label.check', null, h('input', { type: 'checkbox', name: 'wrote' }), word('skip_wrote')),
        h('label.check', null, h('input', { type: 'checkbox', name: 'absent' }), word('skip_absent')))),
    issue,
    h('div.row', null, ends));

  function keep() {
    variants = [...texts.querySelectorAll('textarea')].map((one) => one.value);
  }

  function drawTexts() {
    texts.replaceChildren(...variants.map((text, place) => h('div.feed', null,
      field(word('textOf', place + 1), h('textarea', { rows: 4, maxlength: 65536, value: text })),
      variants.length > 1
        ? h('div.row', null, button('plain', word('removeVariant'), () => {
          keep();
          variants.splice(place, 1);
          drawTexts();
        }))
        : null)));
  }

  function drawLists(known) {
    const option = (one) => h('option', { value: one.id }, counted('listRows', one.rows, one.name));
    lists.replaceChildren(h('option', { value: '' }, word('uploadList')), ...known.map(option));
    file.closest('label').hidden = false;
  }

  async function listId() {
    if (!file.files[0]) return lists.value;
    const made = await upload(`/v1/campaigns/lists?name=${encodeURIComponent(file.files[0].name)}`, file.files[0]);
    file.value = '';
    uploaded = made;
    drawLists((await get('/v1/campaigns/lists')).lists);
    lists.value = made.id;
    return made.id;
  }

  async function pictureId() {
    const chosen = form.elements.picture.files[0];
    if (!chosen) return null;
    if (chosen !== pictureFile) [picture, pictureFile] = [(await upload('/v1/media', chosen)).sha256, chosen];
    return picture;
  }

  async function plan() {
    const data = new FormData(form), list = await listId(), sha256 = await pictureId();
    const start = data.get('startAt'), session = data.get('session') ?? app.sessions[0]?.session;
    const skip = ['opted_out', 'duplicates'];
    if (data.get('wrote')) skip.push('wrote_in_last_days');
    if (data.get('absent')) skip.push('not_on_whatsapp');
    const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'America/Argentina/Buenos_Aires';
    return {
      name: data.get('name'),
      session,
      list,
      variants: variants.filter((text) => text.trim()),
      window: { days: data.getAll('day'), from: data.get('from'), to: data.get('to'), timezone },
      pace: data.get('pace'),
      skip,
      ...(data.get('ask').trim() ? { ask_first: data.get('ask') } : {}),
      ...(sha256 ? { media: { kind: 'image', sha256 } } : {}),
      ...(data.get('perDay') ? { per_day: Number(data.get('perDay')) } : {}),
      ...(data.get('warmUp') ? { warm_up: WARM_UP } : {}),
      ...(start ? { start_at: new Date(start).toISOString() } : {}),
    };
  }

  // What is not filled in: the key of its sentence, and where it is.
  function missing() {
    keep();
    const { day, from, to } = form.elements;
    if (!file.files[0] && !lists.value) return ['chooseList', file];
    if (!variants.some((text) => text.trim())) return ['writeText', texts.querySelector('textarea')];
    if (![...day].some(({ checked }) => checked)) return ['chooseDay', day[0]];
    return from.value === to.value ? ['chooseTimes', to] : null;
  }

  async function attempt(dry) {
    if (!form.reportValidity()) return;
    const [said, place] = missing() ?? [];
    issue.textContent = said ? word(said) : '';
    if (said) {
      place.focus();
      return;
    }
    ends.forEach((one) => { one.disabled = true; });
    try {
      const wanted = await plan();
      const made = await (dry ? query('/v1/campaigns?dry_run=true', wanted, PLANNING) : planOnce(wanted, saving));
      if (closed) return;
      if (dry) draw(made);
      else toCampaign(made.id);
    } catch (problem) {
      outcome.replaceChildren();
      issue.textContent = problemText(problem);
    } finally {
      ends.forEach((one) => { one.disabled = false; });
    }
  }

  function draw(made) {
    update(outcome,
      previewOf(made.preview),
      h('section.card', null, numbers(made),
        made.eta ? h('p', null, `${word('endsAbout')} `, timeOfDay(made.eta)) : null),
      uploaded?.id === lists.value ? badRows(uploaded, 'badRowsOfFile') : null,
      badRows(made));
    outcome.scrollIntoView({ block: 'nearest' });
  }

  drawTexts();
  view.append(heading(word('newCampaign'), null, button('plain', word('backToCampaigns'), toList)), form, outcome);
  get('/v1/campaigns/lists').then(({ lists: known }) => { if (!closed) drawLists(known); },
    (problem) => { issue.textContent = problemText(problem); });
  return { refresh: () => {}, close: () => { closed = true; } };
}
