// Campaigns: their list, and which of list, editor and one campaign is shown.

import { get, post } from './api.js';
import { openEditor } from './campaign_editor.js';
import { openCampaign } from './campaign_view.js';
import { badge, bar, numbers, why } from './campaign_parts.js';
import { h, update } from './element.js';
import { word } from './language.js';
import { problemText } from './problems.js';
import { ago } from './times.js';
import { button, emptyState, heading, toast } from './widgets.js';

export function open(view, app) {
  let shown = null;

  function show(make) {
    shown?.close();
    view.replaceChildren();
    shown = make();
    view.focus({ preventScroll: true });
  }

  const toList = () => show(() => list(view, { toEditor, toCampaign }));
  const toEditor = () => show(() => openEditor(view, app, { toList, toCampaign }));
  const toCampaign = (id) => show(() => openCampaign(view, id, { toList, toCampaign }));
  shown = list(view, { toEditor, toCampaign });
  return { refresh: () => shown.refresh(), close: () => shown.close() };
}

const opened = ({ name }) => `${word('openIt')} ${name}`;

function list(view, { toEditor, toCampaign }) {
  const cards = h('div.cards');
  let closed = false;

  async function load() {
    const { campaigns } = await get('/v1/campaigns?limit=100');
    if (closed) return;
    update(cards, campaigns.length
      ? campaigns.map(card)
      : emptyState(word('noCampaigns'), word('noCampaignsHint')));
  }

  function card(campaign) {
    const act = (action) => attempt(() => post(`/v1/campaigns/${campaign.id}/${action}`, {}));
    return h('article.card', { 'aria-label': campaign.name },
      h('div.row.apart', null, h('h2', null, campaign.name), badge(campaign)),
      bar(campaign),
      numbers(campaign),
      why(campaign),
      campaign.eta ? h('p.soft', null, `${word('endsAbout')} `, ago(campaign.eta)) : null,
      h('div.row', null,
        button('button', word('openIt'), () => toCampaign(campaign.id), { 'aria-label': opened(campaign) }),
        campaign.state === 'running' ? button('button', word('pauseCampaign'), () => act('pause')) : null,
        campaign.state === 'paused' ? button('button', word('resumeCampaign'), () => act('resume')) : null));
  }

  async function attempt(work) {
    try {
      await work();
    } catch (problem) {
      toast(problemText(problem), true);
    }
    await load();
  }

  function refresh() {
    load().catch((problem) => { if (!closed) update(cards, emptyState(problemText(problem))); });
  }

  const making = button('main-button', word('newCampaign'), toEditor);
  view.append(heading(word('campaigns'), word('campaignsLead'), making), cards);
  refresh();
  return { refresh, close: () => { closed = true; } };
}
