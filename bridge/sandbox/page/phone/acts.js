// What people do to a message: its menu, and the marks that it leaves. The chosen writer does it.

import { author } from './composer.js';
import { button, element } from './element.js';
import { word } from './language.js';
import { ask, isMe, nameOf } from './world.js';

const EMOJIS = ['👍', '❤️', '😂', '🙏'];

const wrote = ({ from_me: own, author: member, chat }) =>
  (author() ? !own && [member, chat].includes(author()) : own);

function closeAfterChoice({ target, currentTarget }) {
  if (!target.matches('button')) return;
  opened = undefined;
  currentTarget.open = false;
}

function edit(message) {
  const body = prompt(word('newText'), message.fields.caption ?? message.body);
  if (body?.trim()) void ask('edit', { id: message.id, body });
}

let opened; // the message whose menu is open: it stays so when the chat is drawn again

// An author may edit and delete. `onReply` is called with a message to answer.
export function menu(message, onReply) {
  if (message.type === 'revoked') return undefined;
  const react = (emoji) => ask('react', { id: message.id, emoji, author: author() });
  const toggled = ({ target }) => {
    if (target.open) opened = message.id;
    else if (target.isConnected && opened === message.id) opened = undefined;
  };
  const isOpen = opened === message.id;
  return element('details', { class: 'acts', open: isOpen, ontoggle: toggled, onclick: closeAfterChoice },
    element('summary', { 'aria-label': word('actions') }, '⋯'),
    element('span', { class: 'choices' },
      ...EMOJIS.map((emoji) => button(emoji, () => void react(emoji))),
      button(word('noReaction'), () => void react('')),
      button(word('reply'), () => onReply(message)),
      wrote(message) ? button(word('edit'), () => edit(message)) : undefined,
      wrote(message) ? button(word('deleteForAll'), () => void ask('revoke', { id: message.id })) : undefined));
}

function votesOf(message, number) {
  const votes = Object.entries(message.votes).filter(([, vote]) => vote.options.includes(number));
  return votes.map(([voter]) => nameOf(voter));
}

// A press adds an answer of the writer, or takes it away.
function choose(message, name, options) {
  const me = author() ?? Object.keys(message.votes).find(isMe);
  const before = (message.votes[me]?.options ?? []).map((number) => options[number].name);
  const after = before.includes(name) ? before.filter((one) => one !== name) : [...before, name];
  void ask('vote', { id: message.id, options: after, author: author() });
}

export function poll(message) {
  const options = message.type === 'poll_creation' ? message.fields.pollOptions ?? [] : [];
  if (!options.length) return undefined;
  return element('span', { class: 'options' }, ...options.map(({ name }, number) => {
    const voters = votesOf(message, number);
    return button(voters.length ? `${name} · ${voters.join(', ')}` : name, () => choose(message, name, options));
  }));
}

export function marks(message) {
  const reactions = Object.entries(message.reactions).filter(([, { emoji }]) => emoji);
  return [
    message.edited ? element('span', { class: 'muted' }, word('edited')) : undefined,
    reactions.length
      ? element('span', { class: 'reactions', title: reactions.map(([who]) => nameOf(who)).join(', ') },
        reactions.map(([, { emoji }]) => emoji).join(' '))
      : undefined,
  ];
}

// What changes the drawing of a message.
export const stateOf = ({ type, body, edited, reactions, votes, fields }) =>
  [type, body, fields.caption, edited, reactions, votes];
