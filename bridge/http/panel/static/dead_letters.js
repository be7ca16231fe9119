// Dead letters: items that a webhook refused permanently, to be delivered again or deleted.

import { post, remove } from './api.js';
import { senderName } from './contact_names.js';
import { openDialog } from './dialogs.js';
import { h, update } from './element.js';
import { messageText, number, word } from './language.js';
import { postText } from './problems.js';
import { ago } from './times.js';
import { button, emptyState, toast } from './widgets.js';

// `base`: the session's path. `attempt(work)` runs a change, shows its error and reloads the section.
export function deadLetterList(base, attempt) {
  const head = h('div.row.apart'), list = h('div.feed'), unfolded = new Set();
  const redeliver = (letter) => post(`${base}/dead-letters/${letter.number}/repeat`);

  function draw(letters) {
    update(head,
      h('div', null, h('h2', null, word('deadLetters')), h('p.soft', null, word('deadLettersLead'))),
      letters.length > 1 ? button('button', word('repeatAll'), () => attempt(() => repeatAll(letters))) : null);
    update(list, letters.length ? letters.map(card) : emptyState(word('noDeadLetters')));
  }

  function card(letter) {
    const message = messageOf(letter.body);
    return h('article.card.send-item', null,
      h('div.row.apart', null, h('span.mono', null, letter.url), h('span.soft', null, ago(letter.at))),
      message ? h('p.text', { dir: 'auto' }, h('strong', null, message.sender), ' ', message.text) : null,
      h('p.advice.bad', null, postText(letter)),
      h('details', { open: unfolded.has(letter.number), ontoggle: (event) => remember(letter, event.target.open) },
        h('summary', null, word('wholeItem')),
        h('p.text.mono', { tabindex: 0 }, letter.body)),
      h('div.row', null,
        button('button', word('repeat'), () => attempt(() => repeat(letter))),
        button('danger', word('discard'), () => discard(letter))));
  }

  const remember = ({ number: key }, isOpen) => (isOpen ? unfolded.add(key) : unfolded.delete(key));

  async function repeat(letter) {
    const result = await redeliver(letter);
    toast(result.delivered ? word('repeated') : word('stillRefused', postText(result)), !result.delivered);
  }

  async function repeatAll(letters) {
    let delivered = 0;
    for (const letter of letters) if ((await redeliver(letter)).delivered) delivered += 1;
    const refused = letters.length - delivered;
    toast(word('repeatedMany', number(delivered), number(refused)), refused > 0);
  }

  async function discard(letter) {
    const question = { title: word('discardAsk'), action: word('discard'), cancel: word('cancel'), danger: true };
    if (await openDialog(question)) await attempt(() => remove(`${base}/dead-letters/${letter.number}`));
  }

  return { elements: [head, list], draw };
}

// Sender and text of an item, null if it is not a message.
function messageOf(body) {
  try {
    const item = JSON.parse(body), message = item.message ?? item;
    if (!message.chat) return null;
    return { sender: senderName(message), text: message.type ? messageText(message) : `[${item.kind}]` };
  } catch {
    return null;
  }
}
