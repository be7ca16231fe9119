// The login form, shown instead of the frame.

import { account, logIn } from './api.js';
import { h } from './element.js';
import { chooseLanguage, otherLanguage, translate, word } from './language.js';
import { problemText } from './problems.js';
import { button, field } from './widgets.js';

export const LANGUAGE_NAMES = { es: 'Español', en: 'English' };

// `onLogin` is called after a successful login.
export function showLogin(onLogin, problem = '') {
  account.me = null;
  translate(document);
  document.title = 'WhatsApp ⇄ MQTT';
  const input = h('input', {
    type: 'password',
    name: 'key',
    id: 'key',
    autocomplete: 'current-password',
    required: true,
  });
  const alert = h('p.bad', { role: 'alert' }, problem);

  async function submit(event) {
    event.preventDefault();
    alert.textContent = '';
    try {
      await logIn({ key: input.value.trim() });
      onLogin();
    } catch (error) {
      alert.textContent = error.status === 401 ? word('wrongKey') : problemText(error);
      input.select();
    }
  }

  const form = h('form', { onsubmit: submit },
    field(word('key'), input),
    alert,
    h('button.main-button', { type: 'submit' }, word('logIn')));
  const other = otherLanguage();
  const switchLanguage = () => { chooseLanguage(other); showLogin(onLogin); };
  document.getElementById('login').replaceChildren(h('main.login', null,
    h('div.card', null,
      h('p.brand', null,
        h('img', { src: '/panel/static/icon.svg', alt: '', width: 28, height: 28 }),
        h('span', null, 'WhatsApp ⇄ MQTT')),
      h('h1', null, word('logIn')),
      h('p.soft', null, word('loginHelp')),
      form),
    button('plain', LANGUAGE_NAMES[other], switchLanguage, { lang: other })));
  input.focus();
}

export const hideLogin = () => document.getElementById('login').replaceChildren();
