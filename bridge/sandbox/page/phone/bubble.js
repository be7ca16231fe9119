// One message of a conversation.

import { marks, menu, poll } from './acts.js';
import { element, tone } from './element.js';
import { kindOf, lineOf, textOf } from './kind_names.js';
import { clock, word } from './language.js';
import { ticksAreAutomatic } from './linked.js';
import { ask, nameOf } from './world.js';

const ONE = 'M2 6.5l3 3 6-7';
const TWO = 'M2 6.5l3 3 6-7M8.5 9.5l6-7';
const CLOCK = 'M8 3.2v3.2l2 1.4M13 6.4a5 5 0 1 1-10 0 5 5 0 0 1 10 0z';
const SECRET = /key|hash|path|token/i;

function ticks(message) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 17 12');
  const path = document.createElementNS(svg.namespaceURI, 'path');
  path.setAttribute('d', message.ack > 1 ? TWO : message.ack === 1 ? ONE : CLOCK);
  svg.append(path);
  const next = message.ack + 1;
  const done = ticksAreAutomatic() || next > 3;
  const now = word(`ack_${message.ack}`);
  return element('button', {
    type: 'button', class: 'ticks', 'data-ack': message.ack, disabled: done,
    'aria-label': done ? now : word('pressFor', now, word(`ack_${next}`)),
    onclick: () => void ask('acks', { id: message.id, ack: next }),
  }, svg);
}

// The file of a message, as far as the service has it.
function fileOf(message) {
  const { directPath: path, mediaKey, mimetype, filename } = message.fields;
  if (!path) return undefined;
  const src = mediaKey && path.startsWith('/mms/first/') ? `/api/files/${message.id}` : path; // decrypted
  if (mimetype.startsWith('image/')) {
    const alt = textOf(message) || kindOf(message) || '';
    return element('a', { class: 'picture', href: src, target: '_blank', rel: 'noopener' },
      element('img', { class: 'file', src, alt, loading: 'lazy' }));
  }
  if (mimetype.startsWith('audio/')) return element('audio', { class: 'file', src, controls: true });
  if (mimetype.startsWith('video/')) return element('video', { class: 'file', src, controls: true });
  const name = filename ?? kindOf(message) ?? message.type;
  return element('a', { class: 'file', href: src, download: name }, name);
}

function mapOf({ lat, lng }) {
  if (lat === undefined || lng === undefined) return undefined;
  const href = `https://www.openstreetmap.org/?mlat=${lat}&mlon=${lng}#map=16/${lat}/${lng}`;
  return element('a', { class: 'map', href, target: '_blank', rel: 'noopener noreferrer' }, word('showMap'));
}

// The name of its kind, with the fields of the service as a tooltip; a type without a name shows them.
function kind(message) {
  if (message.type === 'chat') return undefined;
  const isShown = ([name, value]) =>
    ['string', 'number'].includes(typeof value) && !SECRET.test(name) && name !== 'caption';
  const fields = Object.entries(message.fields).filter(isShown);
  const details = [message.type, ...fields.map(([name, value]) => `${name} ${value}`)].join(' · ');
  return element('span', { class: 'kind', title: details }, kindOf(message) ?? details);
}

function quote({ quoted }, onJump) {
  const attributes = { type: 'button', class: 'quote', title: word('toQuoted'), onclick: () => onJump(quoted.id) };
  return element('button', attributes, element('strong', {}, nameOf(quoted.participant)), ' ', lineOf(quoted));
}

// `onReply` is called with the message, `onJump` with the id of one that it answers.
export function bubble(message, isSeen, { onReply, onJump }) {
  if (message.type === 'gp2') return element('div', { class: 'day', 'data-id': message.id }, textOf(message));
  const fromDevice = message.from_me && message.origin === 'device';
  const showsAuthor = message.author && !message.from_me;
  const isRevoked = message.type === 'revoked';
  return element('div', { class: `bubble ${message.from_me ? 'mine' : 'theirs'}`, 'data-id': message.id },
    showsAuthor ? element('span', { class: `author ${tone(message.author)}` }, nameOf(message.author)) : undefined,
    message.quoted && !isRevoked ? quote(message, onJump) : undefined,
    isRevoked ? undefined : kind(message),
    isRevoked ? undefined : fileOf(message),
    element('span', { class: 'body' }, textOf(message)),
    isRevoked ? undefined : mapOf(message.fields),
    poll(message),
    element('span', { class: 'meta' },
      fromDevice ? element('span', { class: 'via' }, word('byDevice')) : undefined,
      clock(message.t),
      message.from_me ? ticks(message) : undefined,
      isSeen ? element('span', { class: 'muted' }, word('isRead')) : undefined,
      ...marks(message),
      menu(message, onReply)));
}
