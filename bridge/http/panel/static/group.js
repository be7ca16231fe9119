// One group: its members with their rights, who asked to join, its link.

import { hasScope } from './api.js';
import { readableAddress } from './addresses.js';
import { chatMarks, conversationLink, pictureOf } from './chat_marks.js';
import { saveCsv } from './csv.js';
import { openDialog } from './dialogs.js';
import { h, update } from './element.js';
import { changeGroup } from './group_settings.js';
import { peopleField, peopleIn } from './people_field.js';
import { counted, locale, word } from './language.js';
import { copyable, outcomeList } from './outcomes.js';
import { problemText } from './problems.js';
import { ask, respond } from './requests.js';
import { button, field, toast } from './widgets.js';

//: Members that are drawn at once; a search finds the others, and the file has all.
const DRAWN = 200;

export class GroupView {
  // `again(group, response, focus)` shows the group once more; `onLeft` is called after this account left it.
  constructor(session, details, { again, onLeft }) {
    Object.assign(this, { session, details, again, onLeft, chosen: new Set() });
    this.mayChange = hasScope('send') && details.member;
    this.rules = hasScope('send') && details.admin;
    this.mayEdit = this.mayChange && (details.admin || details.restrict === false);
  }

  parts(response) {
    const { group, subject, description, announce, restrict, admin, member, approval, ephemeral } = this.details;
    const badge = (shown, key, tone = 'calm') => (shown ? h(`span.badge.${tone}`, null, word(key)) : null);
    return [
      pictureOf(this.session, group, subject ?? group),
      h('div.row', null, badge(admin, 'admin', 'good'), badge(member === false, 'left', 'dim'),
        badge(announce, 'onlyAdminsWrite'), badge(restrict, 'onlyAdminsEdit'), badge(approval, 'adminsApprove')),
      description ? h('p.text', { dir: 'auto' }, description) : null,
      ephemeral ? h('p.soft', null, counted('disappearAfter', ephemeral / 86400)) : null,
      h('div.row', null, conversationLink(group),
        this.mayEdit ? button('button', word('changeGroup'), () => this.#edit()) : null),
      chatMarks(this.session, group),
      response ? outcomeList(response) : null,
      this.rules ? this.#requests() : null,
      this.#members(),
      this.rules ? this.#adding() : null,
      this.rules ? this.#invitation() : null,
      this.mayChange ? h('div.row', null, button('danger', word('leaveGroup'), () => this.#leave())) : null,
    ].filter(Boolean);
  }

  // Carries a request about the group out and shows what became of it.
  async #change(action, given, focus) {
    const { group } = this.details;
    try {
      const response = await respond(this.session, action, { group, ...given });
      await this.again(group, response, focus);
      return response;
    } catch (problem) {
      toast(problemText(problem), true);
      return null;
    }
  }

  async #edit() {
    const { group } = this.details;
    if (await changeGroup(this.session, this.details, this.rules)) await this.again(group);
  }

  #members() {
    const { members, subject, group } = this.details;
    if (!members.length) return null;
    const rows = h('ul.members', { 'aria-label': word('membersTitle') }), tools = h('div.row');
    const wanted = h('input', { type: 'search', autocomplete: 'off', oninput: () => draw() });
    const draw = () => {
      const text = wanted.value.trim().toLowerCase();
      const shown = members.filter((one) => !text || `${one.name ?? ''} ${one.from_pn ?? one.address}`
        .toLowerCase().includes(text.replace(/^\+/, '')));
      rows.replaceChildren(...shown.slice(0, DRAWN).map((one) => this.#member(one, () => drawTools())));
      if (shown.length > DRAWN) rows.append(h('li.soft', null, counted('moreMembers', shown.length - DRAWN)));
    };
    const drawTools = () => {
      const disabled = !this.chosen.size;
      const tool = (kind, action, key, asks) =>
        button(kind, word(key), () => this.#changeChosen(action, asks), { disabled });
      update(tools,
        this.rules ? tool('button', 'groups.promote', 'promote') : null,
        this.rules ? tool('button', 'groups.demote', 'demote') : null,
        this.rules ? tool('danger', 'groups.remove', 'removeMembers', true) : null,
        button('button', word('saveCsv'), () => saveMembers(subject ?? group, members)));
    };
    draw();
    drawTools();
    return h('section.parts', null,
      h('h3', null, counted('members', members.length)),
      members.length > 8 ? field(word('search'), wanted) : null, rows, tools);
  }

  #member(one, onChoice) {
    const address = readableAddress(one.from_pn ?? one.address), name = one.name ?? address;
    const choose = ({ target }) => {
      this.chosen[target.checked ? 'add' : 'delete'](one.address);
      onChoice();
    };
    const text = [
      h('span', { dir: 'auto' }, one.me ? word('you') : name),
      name === address ? null : h('span.soft', null, address),
      one.owner || one.admin ? h('span.badge.good', null, word(one.owner ? 'owner_' : 'admin')) : null,
    ];
    const checked = this.chosen.has(one.address);
    return h('li', null, this.rules && !one.me
      ? h('label.check', null, h('input', { type: 'checkbox', checked, onchange: choose }), ...text)
      : h('div.check', null, ...text));
  }

  async #changeChosen(action, asks) {
    const people = [...this.chosen];
    const question = { title: counted('removeAsk', people.length), action: word('removeMembers'), danger: true };
    if (asks && !(await openDialog({ ...question, cancel: word('cancel') }))) return;
    await this.#change(action, { people });
  }

  #adding() {
    const form = h('form.parts', {
      onsubmit: async (event) => {
        event.preventDefault();
        await this.#change('groups.add', { people: peopleIn(new FormData(form).get('people')) });
      },
    }, peopleField(), h('div.row', null, h('button.button', { type: 'submit' }, word('addPeople'))));
    return h('section.parts', null, h('h3', null, word('addPeople')), form);
  }

  #requests() {
    const list = h('ul.outcomes', { 'aria-label': word('joinRequests') });
    const section = h('section.parts', { hidden: true }, h('h3', null, word('joinRequests')), list);
    ask(this.session, 'groups.requests', { group: this.details.group }).then(({ requests }) => {
      section.hidden = !requests.length;
      list.replaceChildren(...requests.map((one) => h('li.row', null,
        h('span', { dir: 'auto' }, one.name ?? readableAddress(one.from_pn ?? one.address)),
        one.at ? h('span.soft', null, new Date(one.at * 1000).toLocaleString(locale())) : null,
        button('button', word('approve'), () => this.#change('groups.approve', { people: [one.address] })),
        button('danger', word('reject'), () => this.#change('groups.reject', { people: [one.address] })))));
    }).catch(() => null);
    return section;
  }

  #invitation() {
    const place = h('div.row.invitation'), { group } = this.details;
    const show = async (action) => {
      const { data } = await respond(this.session, action, { group });
      if (!data?.link) return toast(word('inDoubt'), true);
      const image = `/panel/qr.png?link=${encodeURIComponent(data.link)}`;
      return place.replaceChildren(
        h('img', { src: image, alt: word('inviteQr'), width: 200, height: 200 }),
        h('div.parts', null,
          h('p.mono', null, data.link),
          h('div.row', null,
            navigator.clipboard ? copyable(data.link, 'button') : null,
            button('danger', word('newLink'), () => renew()))));
    };
    const renew = async () => {
      const question = { title: word('newLinkAsk'), text: word('newLinkText'), action: word('newLink'), danger: true };
      if (await openDialog({ ...question, cancel: word('cancel') })) await show('groups.revoke_invite');
    };
    const showing = button('button', word('showLink'), () => show('groups.invite'));
    place.append(showing);
    return h('section.parts', null, h('h3', null, word('inviteLink')), place);
  }

  async #leave() {
    const { subject, group } = this.details;
    const question = { title: word('leaveAsk', subject ?? group), text: word('leaveText'), action: word('leaveGroup') };
    if (!(await openDialog({ ...question, cancel: word('cancel'), danger: true }))) return;
    const response = await this.#change('groups.leave', {});
    if (response) this.onLeft();
  }
}

function saveMembers(subject, members) {
  const rows = members.map(({ name, from_pn: pn, from_lid: lid, admin, owner, me }) =>
    [name, pn?.split('@')[0], lid, owner ? 'owner' : admin ? 'admin' : 'member', me ? 'yes' : 'no']);
  const name = subject.replace(/[^\p{L}\p{N} _-]/gu, '').trim() || 'group';
  saveCsv(`${name}.csv`, [['name', 'number', 'lid', 'rights', 'this_account'], ...rows]);
}
