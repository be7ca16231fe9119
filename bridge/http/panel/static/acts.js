// What can be done with one message: react, forward, edit, delete for everyone. A menu at its bubble.

import { openForm, openDialog } from './dialogs.js';
import { h } from './element.js';
import { word } from './language.js';
import { button, field } from './widgets.js';

const USUAL = ['👍', '❤️', '😂', '😮', '😢', '🙏'];
//: Milliseconds for which WhatsApp lets a message be edited.
const EDITABLE = 15 * 60_000;
//: Kinds that WhatsApp Web does not forward.
const FIXED = new Set(['poll', 'event']);
const WITH_TEXT = new Set(['text', 'image', 'video', 'gif', 'document']);

const canEdit = ({ mine, at, message, revoked }) =>
  mine && !revoked && Date.now() - at < EDITABLE && WITH_TEXT.has(message?.kind ?? 'text');

export class MessageMenu {
  // `act(content)` sends a command and shows what went wrong; `offers(kind)` is whether it can be sent here; `chats()`
  // are those to which a message can be forwarded; `forwarded(sent)` is called after it was.
  constructor({ act, submit, offers, forwarded, chats }) {
    Object.assign(this, { act, submit, offers, forwarded, chats });
    this.element = h('div.menu', { popover: 'auto', role: 'dialog', 'aria-label': word('actions') });
  }

  // Opens the menu of a message at the button that was pressed; the focus returns to it.
  open(item, opener) {
    this.element.replaceChildren(...this.#parts(item).filter(Boolean));
    this.element.showPopover({ source: opener });
    this.#placeAt(opener);
    this.element.querySelector('button')?.focus();
  }

  #parts(item) {
    const message_id = item.id, own = item.reactions?.me;
    const react = (emoji) => this.#choose(() => this.act({ reaction: { message_id, emoji } }));
    const usual = (emoji) => h('button.emoji', {
      type: 'button',
      'aria-pressed': String(emoji === own),
      'aria-label': word('reactWith', emoji),
      onclick: () => react(emoji === own ? '' : emoji),
    }, emoji);
    const other = () => this.#choose(() => this.#otherEmoji(message_id));
    const edit = () => this.#choose(() => this.#edit(item));
    const revoke = () => this.#choose(() => this.#revoke(item));
    const forward = () => this.#choose(() => this.#forward(message_id));
    const offers = (kind) => this.offers(kind) && !item.revoked;
    return [
      offers('reaction') ? h('div.row', null, USUAL.map(usual),
        button('emoji', '+', other, { 'aria-label': word('otherEmoji') })) : null,
      own && offers('reaction') ? button('plain', `${word('takeBack')} ${own}`, () => react('')) : null,
      offers('forward') && !FIXED.has(item.message?.kind) ? button('plain', word('forward'), forward) : null,
      offers('edit') && canEdit(item) ? button('plain', word('edit'), edit) : null,
      offers('revoke') && item.mine ? button('plain', word('deleteForAll'), revoke) : null,
    ];
  }

  #choose(action) {
    this.element.hidePopover();
    return action();
  }

  #placeAt(opener) {
    const at = opener.getBoundingClientRect(), { offsetWidth: width, offsetHeight: height } = this.element;
    const left = Math.max(8, Math.min(at.left, innerWidth - width - 8));
    const top = at.bottom + height + 8 > innerHeight ? Math.max(8, at.top - height - 4) : at.bottom + 4;
    Object.assign(this.element.style, { left: `${left}px`, top: `${top}px` });
  }

  #otherEmoji(message_id) {
    const describe = (entered) => ({
      title: word('otherEmoji'),
      action: word('react'),
      cancel: word('cancel'),
      fields: [field(word('emoji'), h('input', {
        name: 'emoji', required: true, maxlength: 16, autocomplete: 'off', value: entered?.get('emoji') ?? '',
      }))],
    });
    return openForm(describe, (data) => this.submit({ reaction: { message_id, emoji: data.get('emoji').trim() } }));
  }

  async #forward(message_id) {
    const option = (chosen) => ({ chat, name }) => h('option', { value: chat, selected: chat === chosen }, name);
    const describe = (entered) => ({
      title: word('forward'),
      action: word('send'),
      cancel: word('cancel'),
      fields: [field(word('forwardTo'), h('select', { name: 'to' }, this.chats().map(option(entered?.get('to')))))],
    });
    const attempt = {}, content = (data) => ({ forward: { message_id }, to: data.get('to') });
    const sent = await openForm(describe, (data) => this.submit(content(data), attempt));
    if (sent) this.forwarded(sent);
  }

  #edit({ id: message_id, body }) {
    const describe = (entered) => ({
      title: word('edit'),
      action: word('save'),
      cancel: word('cancel'),
      fields: [field(word('text'), h('textarea', {
        name: 'text', rows: 4, required: true, maxlength: 65536, value: entered?.get('text') ?? body,
      }))],
    });
    return openForm(describe, (data) => this.submit({ edit: { message_id, message: data.get('text') } }));
  }

  async #revoke({ id: message_id }) {
    const question = { title: word('deleteAsk'), text: word('deleteText'), action: word('deleteForAll'), danger: true };
    if (await openDialog({ ...question, cancel: word('cancel') })) await this.act({ revoke: { message_id } });
  }
}
