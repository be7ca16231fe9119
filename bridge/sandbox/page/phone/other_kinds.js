// What is sent instead of a text or a file as it is: a location, a contact card, a poll, an event, a GIF, a video note.

import { VIDEOS } from './attach.js';
import { button, element, part } from './element.js';
import { word } from './language.js';

const field = (label, input) => element('label', {}, label, input);
const input = (name, attributes) => element('input', { name, autocomplete: 'off', ...attributes });
const degrees = (name, limit, placeholder) =>
  input(name, { type: 'number', required: true, step: 'any', min: -limit, max: limit, placeholder });

const answersIn = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean);

function checkAnswers({ target }) {
  const answers = answersIn(target.value);
  const isRight = answers.length >= 2 && answers.length <= 12 && new Set(answers).size === answers.length;
  target.setCustomValidity(isRight ? '' : word('optionsWrong'));
}

function cardOf(name, digits) {
  const escaped = name.replaceAll(/[\\;,]/g, '\\$&');
  const number = `TEL;type=CELL;waid=${digits}:+${digits}`;
  return ['BEGIN:VCARD', 'VERSION:3.0', `N:;${escaped};;;`, `FN:${escaped}`, number, 'END:VCARD'].join('\n');
}

// By WhatsApp's type: the fields of the form, and the message that they make.
const FORMS = {
  location: {
    fields: () => [
      field(word('latitude'), degrees('lat', 90, '-34.6037')),
      field(word('longitude'), degrees('lng', 180, '-58.3816')),
      field(word('placeName'), input('name', { maxlength: 1000 })),
    ],
    content: ({ lat, lng, name }) => ({ fields: { lat: Number(lat), lng: Number(lng), ...(name && { loc: name }) } }),
  },
  vcard: {
    fields: () => [
      field(word('name'), input('name', { required: true, maxlength: 60 })),
      field(word('number'), input('pn', { required: true, pattern: '[0-9]{8,15}', inputmode: 'numeric' })),
    ],
    content: ({ name, pn }) => ({ body: cardOf(name, pn), fields: { vcardFormattedName: name } }),
  },
  poll_creation: {
    fields: () => [
      field(word('question'), input('name', { required: true, maxlength: 255 })),
      field(word('options'), element('textarea', { name: 'options', rows: 4, required: true, oninput: checkAnswers })),
      element('label', { class: 'check' }, input('several', { type: 'checkbox' }), word('several')),
    ],
    content: ({ name, options, several }) => ({
      fields: {
        pollName: name,
        pollOptions: answersIn(options).map((answer, localId) => ({ name: answer, localId })),
        pollSelectableOptionsCount: several ? 0 : 1,
      },
    }),
  },
  event_creation: {
    fields: () => [
      field(word('name'), input('name', { required: true, maxlength: 100 })),
      field(word('description'), input('description', { maxlength: 2000 })),
    ],
    content: ({ name, description }) => ({
      fields: { eventName: name, ...(description && { eventDescription: description }) },
    }),
  },
};

// Asks for the content of a kind; `write` sends it.
function openForm(type, write) {
  const dialog = part('kind-dialog'), form = part('kind-form');
  const cancel = button(word('cancel'), () => dialog.close());
  const send = element('button', { type: 'submit', class: 'primary' }, word('send'));
  form.replaceChildren(element('h2', { id: 'kind-title' }, word(`send_${type}`)), ...FORMS[type].fields(),
    element('div', { class: 'actions' }, cancel, send));
  form.onsubmit = () => void write({ type, body: '', ...FORMS[type].content(Object.fromEntries(new FormData(form))) });
  dialog.showModal();
}

// `choose` lets the person choose a video that goes as one of `VIDEOS`.
export function offerOtherKinds(write, choose) {
  const menu = part('kinds');
  const entry = (type, act) => button(word(`send_${type}`), () => {
    menu.open = false;
    act();
  });
  menu.addEventListener('toggle', () => {
    part('kinds-list').replaceChildren(
      ...Object.keys(FORMS).map((type) => entry(type, () => openForm(type, write))),
      ...Object.entries(VIDEOS).map(([type, video]) => entry(type, () => choose(video))));
  });
}
