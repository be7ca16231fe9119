// One message in a conversation.

import { readableAddress } from './addresses.js';
import { contactName } from './contact_names.js';
import { h } from './element.js';
import { formatted, outside } from './formatted_text.js';
import { word } from './language.js';
import { errorText } from './problems.js';
import { ticks } from './ticks.js';
import { timeOfDay } from './times.js';
import { button, FILE_ICON, icon } from './widgets.js';

const PICTURES = new Set(['image', 'sticker']), SOUNDS = new Set(['audio', 'voice']);
const FILMS = new Set(['video', 'gif', 'video_note']);

// Called with the item: `onReply` to answer it, `onMenu` to act on it (both left out where nothing can be sent),
// `onFile` to show its file; with an id `onJump`, to show the message that it answers.
export function bubble(item, { onReply, onMenu, onFile, onJump }) {
  const { message = {}, mine } = item, standing = item.id && !item.revoked;
  return h(mine ? 'article.bubble.mine' : 'article.bubble', null,
    item.sender ? h('strong', null, item.sender) : null,
    message.forwarded ? h('p.soft', null, `↪ ${word('forwarded')}`) : null,
    message.quoted ? quote(message.quoted, onJump) : null,
    item.revoked ? h('p.soft', null, h('em', null, word('deleted'))) : content(item, message, onFile),
    item.error ? h('p.soft', null, errorText(item.error)) : null,
    reactions(item.reactions),
    h('footer', null,
      item.edited && !item.revoked ? h('span.soft', null, word('edited')) : null,
      timeOfDay(new Date(item.at).toISOString()),
      mine && item.state ? ticks(item.state) : null,
      onReply && standing ? button('plain', word('reply'), () => onReply(item)) : null,
      onMenu && standing ? menuButton(item, onMenu) : null));
}

const menuButton = (item, onMenu) => button('plain', '⋯', ({ currentTarget }) => onMenu(item, currentTarget),
  { 'aria-label': word('actions'), 'aria-haspopup': 'dialog' });

function quote({ author, body, id }, onJump) {
  return h('button.quote', { type: 'button', onclick: () => onJump(id) },
    author ? h('strong', null, contactName(author)) : null,
    h('span', { dir: 'auto' }, body || '…'));
}

// A file by the address that this page has: its link names the one for other machines, which the page's policy refuses.
function here(link) {
  if (!link) return null;
  const { pathname, search } = new URL(link, location.href);
  return pathname + search;
}

function content(item, message, onFile) {
  const { location: spot, poll, link, contacts } = message, url = here(item.media?.url ?? message.media?.url);
  return [
    url ? file(message, url) : missing(item, message, onFile),
    contacts?.length ? h('ul.poll', null, contacts.map(card))
      : item.body ? h('p.text', { dir: 'auto' }, formatted(item.body)) : null,
    spot ? outside(mapOf(spot), word('showMap')) : null,
    poll ? h('ul.poll', null, poll.options.map((option) => h('li', { dir: 'auto' }, option))) : null,
    link && /^https?:/i.test(link.url) ? outside(link.url, link.title || link.url) : null,
  ];
}

// A contact card; an older bridge gave its vCard alone.
function card(given) {
  const shown = [given.name, given.phone && readableAddress(given.phone)].filter(Boolean).join(' · ');
  return h('li', { dir: 'auto' }, `👤 ${shown || given.vcard || given}`);
}

const mapOf = ({ latitude: lat, longitude: lon }) =>
  `https://www.openstreetmap.org/?mlat=${lat}&mlon=${lon}#map=16/${lat}/${lon}`;

// In the place of a file that is not here.
function missing(item, { media }, onFile) {
  if (!media || !item.id) return null;
  const state = item.media?.state ?? media.state;
  if (state === 'pending') return h('p.soft', null, word('fileComes'));
  return button('plain', [icon(FILE_ICON), ` ${word('showFile')}`], () => onFile(item));
}

function file({ kind, media, body }, url) {
  const alt = body || word('picture');
  if (PICTURES.has(kind)) return h('a', { href: url, target: '_blank' }, h('img', { src: url, alt, loading: 'lazy' }));
  if (SOUNDS.has(kind)) return h('audio', { src: url, controls: true, preload: 'none' });
  if (FILMS.has(kind)) return h('video', { src: url, controls: true, preload: 'metadata' });
  const label = media?.filename ?? word('download');
  return h('a', { href: url, download: media?.filename ?? true }, icon(FILE_ICON), ` ${label}`);
}

function reactions(given) {
  const counts = new Map();
  for (const emoji of Object.values(given ?? {})) if (emoji) counts.set(emoji, (counts.get(emoji) ?? 0) + 1);
  const shown = [...counts].map(([emoji, count]) => h('span', null, count > 1 ? `${emoji} ${count}` : emoji));
  return shown.length ? h('p.reactions', null, shown) : null;
}
