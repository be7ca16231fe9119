// Forms for what is sent instead of a text: a place, a poll, contact cards. Each makes the content of a command.

import { openForm } from './dialogs.js';
import { h } from './element.js';
import { word } from './language.js';
import { field } from './widgets.js';

const DEGREES = String.raw`(-?\d{1,3}(?:\.\d+)?)`;
//: Places in links of Google Maps (the marked place before the middle of the map), OpenStreetMap, Waze, and geo: links;
//: or two numbers.
const PLACES = [
  `!3d${DEGREES}!4d${DEGREES}`,
  `[?&]mlat=${DEGREES}&mlon=${DEGREES}`,
  `[?&](?:q|query|ll|destination|center)=(?:loc:)?${DEGREES}(?:,|%2C)\\+?${DEGREES}`,
  `geo:${DEGREES},${DEGREES}`,
  `@${DEGREES},${DEGREES}`,
  `#map=\\d+/${DEGREES}/${DEGREES}`,
  `^\\s*${DEGREES}\\s*[,; ]\\s*${DEGREES}\\s*$`,
].map((pattern) => new RegExp(pattern));

// Latitude and longitude of a map's link or of two numbers, in degrees; null where there are none on the Earth.
export function placeIn(text) {
  for (const pattern of PLACES) {
    const found = pattern.exec(text);
    if (!found) continue;
    const [latitude, longitude] = found.slice(1).map(Number);
    return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? { latitude, longitude } : null;
  }
  return null;
}

// "Name: number" in each line; the text after the last colon or comma is the number.
export const contactsIn = (text) => text.split('\n').filter((line) => line.trim()).map((line) => {
  const [, name, phone] = /^(.*)[:,](.*)$/.exec(line) ?? [null, '', line];
  return { name: name.trim(), phone: phone.trim() };
});

const linesOf = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean);

const input = (entered, name, attributes) =>
  h('input', { name, autocomplete: 'off', value: entered?.get(name) ?? '', ...attributes });

const area = (entered, name, attributes) =>
  h('textarea', { name, rows: 4, required: true, value: entered?.get(name) ?? '', ...attributes });

const FORMS = {
  location: {
    fields: (entered) => [
      field(word('mapLink'), input(entered, 'place', {
        required: true, spellcheck: 'false', placeholder: '-34.6037, -58.3816',
      })),
      field(word('placeName'), input(entered, 'name', { maxlength: 1000 })),
    ],
    content(data) {
      const place = placeIn(data.get('place')), name = data.get('name').trim();
      if (!place) throw new Error(word('noPlace'));
      return { ...place, ...(name ? { name } : {}) };
    },
  },
  poll: {
    fields: (entered) => [
      field(word('question'), input(entered, 'name', { required: true, maxlength: 255 })),
      field(word('options'), area(entered, 'options')),
      h('label.check', null,
        h('input', { type: 'checkbox', name: 'several', checked: Boolean(entered?.get('several')) }), word('several')),
    ],
    content(data) {
      const options = linesOf(data.get('options'));
      if (new Set(options).size < options.length || options.length < 2 || options.length > 12) {
        throw new Error(word('optionsWrong'));
      }
      return { name: data.get('name').trim(), options, ...(data.get('several') ? {} : { max: 1 }) };
    },
  },
  contacts: {
    fields: (entered) => [
      field(word('cards'), area(entered, 'cards', { placeholder: 'Ana: +54 9 11 5550-0001' })),
    ],
    content(data) {
      const cards = contactsIn(data.get('cards'));
      if (!cards.length || cards.length > 20 || cards.some(({ name, phone }) => !name || !phone)) {
        throw new Error(word('cardsWrong'));
      }
      return cards;
    },
  },
};

export const KINDS = Object.keys(FORMS);

// Asks for the content of one of `KINDS` until `submit(content)` succeeds.
export const askFor = (kind, submit) => openForm(
  (entered) => ({
    title: word(`send_${kind}`),
    action: word('send'),
    cancel: word('cancel'),
    fields: FORMS[kind].fields(entered),
  }),
  async (data) => submit({ [kind]: FORMS[kind].content(data) }),
);
