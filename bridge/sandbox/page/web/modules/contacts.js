// Contacts: the address book, the mapping of numbers and hidden ids, and the lookup of numbers.

import { socket } from '../socket.js';
import { BaseCollection, Model } from '../model.js';
import { register } from '../registry.js';
import { createWid } from './identity.js';

class Contact extends Model {}
Contact.prototype.proxyName = 'contact';

class ContactCollectionImpl extends BaseCollection {
  constructor() {
    super(Contact);
  }
}
export const ContactCollection = new ContactCollectionImpl();

const lids = new Map();
const numbers = new Map();

function learn({ pn, lid }) {
  if (!pn || !lid) return;
  lids.set(pn, createWid(lid));
  numbers.set(lid, createWid(pn));
}

const blocked = new Set();
export const isBlocked = (wid) => blocked.has(wid.toString());

export const getCurrentLid = (wid) => (wid.isLid() ? wid : lids.get(wid.toString()));
const getPhoneNumber = (wid) => numbers.get(wid.toString());

// The address book has a person under each of their addresses.
export function addContact(record) {
  learn(record);
  if (!record.saved) return;
  for (const address of [record.pn, record.lid]) {
    if (!address) continue;
    if (record.blocked) blocked.add(address);
    else blocked.delete(address);
    const fields = { id: createWid(address), name: record.name, pushname: record.name, isBusiness: false, type: 'in' };
    const known = ContactCollection.get(address);
    if (known) known.set(fields);
    else ContactCollection.add(fields);
  }
}

export const otherAddress = (wid) => (wid.isLid() ? getPhoneNumber(wid) : lids.get(wid.toString()));

export async function queryWidExists(wid) {
  const record = await socket.service('exists', { address: wid.toString() });
  if (!record) return null;
  learn(record);
  return { wid, biz: false };
}

const MONTHLY_CHATS = 40;

function cappingData(used) {
  if (used === null) return null;
  const capping_status = used >= MONTHLY_CHATS ? 'CAPPED' : used >= MONTHLY_CHATS * 0.75 ? 'FIRST_WARNING' : 'NONE';
  const cycle_end_timestamp = Math.floor(Date.now() / 1000) + 7 * 24 * 3600;
  return { capping_status, used_quota: used, total_quota: MONTHLY_CHATS, cycle_end_timestamp };
}

register({
  WAWebContactModel: { Contact },
  WAWebContactCollection: { ContactCollection, ContactCollectionImpl },
  WAWebLidPnCache: { lidPnCache: { getCurrentLid, getPhoneNumber, getAllLids: () => [...lids.values()] } },
  WAWebApiContact: { getCurrentLid, getPhoneNumber },
  WAWebUserPrefsIndexedDBStorage: {
    userPrefsIdb: {
      async get(name) {
        if (name === 'WANewChatMessageCappingData') return cappingData(await socket.database('new_chats_used'));
        const ends = name === 'WAReachoutTimelockState' ? await socket.database('reach_out_lock') : null;
        return ends && { time_enforcement_ends: ends, enforcement_type: 'DEFAULT' };
      },
    },
  },
  WAWebQueryExistsJob: { queryWidExists, queryPhoneExists: queryWidExists },
});
