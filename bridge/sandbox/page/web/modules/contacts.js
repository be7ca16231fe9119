// Contacts: the address book, the mapping of numbers and hidden ids, and the lookup of numbers.

import { socket } from '../socket.js';
import { BaseCollection, Model } from '../model.js';
import { register, use } from '../registry.js';
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

class BlocklistEntry extends Model {}
class BlocklistCollectionImpl extends BaseCollection {
  constructor() {
    super(BlocklistEntry);
  }
}
const BlocklistCollection = new BlocklistCollectionImpl();
export const isBlocked = (wid) => Boolean(BlocklistCollection.get(wid) ?? BlocklistCollection.get(otherAddress(wid)));

let blocksLids = false; // of a migrated account
export const setBlocklistMigrated = (value) => {
  blocksLids = value;
};

function setBlocked(address, blocked) {
  if (blocked) BlocklistCollection.add({ id: createWid(address) });
  else BlocklistCollection.remove(createWid(address));
}

// A migrated account blocks LIDs, and finds that of a number only by its chat. Another one blocks the number of a LID.
async function changeBlocked(contact, blocked) {
  let target = contact.id;
  if (blocksLids && !target.isLid()) {
    const chat = use('WAWebChatCollection').ChatCollection.get(target) ?? use('WAWebChatCollection').ChatCollection.get(otherAddress(target));
    if (!chat) throw `[blocklist] trying to block a pn contact (id: ${target}) without a chat`; // no Error
    target = getCurrentLid(target);
  } else if (!blocksLids && target.isLid()) target = contact.phoneNumber ?? target;
  await socket.service('block', { address: target.toString(), blocked });
  setBlocked(target.toString(), blocked);
}

export const getCurrentLid = (wid) => (wid.isLid() ? wid : lids.get(wid.toString()));
const getPhoneNumber = (wid) => numbers.get(wid.toString());

// The address book has a person under each of their addresses.
export function addContact(record) {
  learn(record);
  if (!record.saved) return;
  setBlocked((blocksLids && record.lid) || record.pn || record.lid, record.blocked);
  for (const address of [record.pn, record.lid]) {
    if (!address) continue;
    const fields = {
      id: createWid(address), name: record.name, pushname: record.pushname, isBusiness: record.business, type: 'in',
      phoneNumber: record.pn ? createWid(record.pn) : undefined,
    };
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
  return { wid, lid: record.lid ? createWid(record.lid) : undefined, biz: record.business };
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
  WAWebBlocklistCollection: { BlocklistCollection },
  WAWebBlockContactAction: {
    blockContact: ({ contact }) => changeBlocked(contact, true),
    unblockContact: (contact) => changeBlocked(contact, false),
  },
  WAWebFrontendContactGetters: { getIsMyContact: ({ name }) => Boolean(name) },
  WAWebQueryExistsJob: { queryWidExists, queryPhoneExists: queryWidExists },
});
