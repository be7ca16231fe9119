// Whether the open chat is answered automatically, why not, and the buttons that change it.

import { account, get, hasScope, post } from './api.js';
import { openDialog } from './dialogs.js';
import { h, update } from './element.js';
import { lookup, word } from './language.js';
import { problemText } from './problems.js';
import { clockText } from './times.js';
import { button, toast } from './widgets.js';

//: Seconds of the short pause.
const PAUSE = 1800;

export class BotBar {
  #chat = null;
  #asked = 0;
  #asking = null; // the chat of the request that has no answer yet

  constructor(session) {
    this.session = session;
    this.element = h('div.bot', { role: 'status', hidden: true });
  }

  // Shows a chat, by its address; null: none.
  show(chat) {
    this.#chat = chat;
    this.#asked += 1;
    this.element.hidden = true;
    this.poll();
  }

  // Asks again unless an answer is on its way: a responder that hangs must not take all connections of the browser.
  poll() {
    if (this.#chat && this.#asking !== this.#chat) this.refresh();
  }

  async refresh() {
    const chat = this.#chat, asked = this.#asked += 1;
    if (!chat || !account.me?.responder || !hasScope('listen')) return;
    this.#asking = chat;
    const query = new URLSearchParams({ session: this.session, chat });
    // that the responder is down is no fault of the chat
    const found = await get(`/v1/responder/chats/at?${query}`).catch(() => null);
    if (this.#asking === chat) this.#asking = null;
    if (asked !== this.#asked) return;
    this.element.hidden = !found?.chat || found.refusal === 'group';
    if (found?.chat) update(this.element, this.#parts(found));
  }

  #parts({ chat, refusal, paused_by: by, no_end: noEnd }) {
    const act = (label, path, body, question) => button('button', word(label), async () => {
      if (question && !(await openDialog({ ...question, action: word(label), cancel: word('cancel') }))) return;
      try {
        await post(`/v1/responder/chats/${chat.id}/${path}`, body);
      } catch (problem) {
        toast(problemText(problem), true);
      }
      await this.refresh();
    });
    const askAgain = { title: word('answerAgainAsk'), text: word('answerAgainText') };
    const until = () => clockText(new Date(chat.paused_until * 1000).toISOString());
    const text = refusal === 'human'
      ? `${noEnd ? word('pausedNoEnd') : word('pausedUntil', until())} ${lookup('words', `pausedBy_${by}`) ?? ''}`
      : lookup('words', `refusal_${refusal ?? 'none'}`) ?? word('botSilent');
    const badge = refusal === 'human' ? 'botPaused' : refusal ? 'botQuiet' : 'botAnswers';
    const pausable = !['human', 'opted_out', 'off', 'client_off'].includes(refusal);
    return [
      h(`span.badge.${refusal ? 'wait' : 'good'}`, null, word(badge)),
      h('span.soft', null, text),
      hasScope('send') ? h('span.row', null,
        refusal === 'human' ? act('resumeBot', 'pause', { seconds: 0 }) : null,
        refusal === 'opted_out' ? act('answerAgain', 'opt-in', {}, askAgain) : null,
        pausable ? act('pauseBot', 'pause', { seconds: PAUSE }) : null,
        pausable ? act('pauseBotOpen', 'pause', { seconds: null }) : null) : null,
    ];
  }
}
