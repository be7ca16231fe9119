// What people say of themselves: about texts, pictures, and the account's own profile.

import { socket } from '../socket.js';
import { BaseCollection, Model } from '../model.js';
import { register } from '../registry.js';
import { Conn } from './connection.js';
import { createWid } from './identity.js';
import { getMaybeMePnUser, isMe } from './login.js';

const DEFAULT_ABOUT = 'Hey there! I am using WhatsApp.';

class TextStatus extends Model {}
TextStatus.prototype.proxyName = 'status';

class TextStatusCollectionImpl extends BaseCollection {
  constructor() {
    super(TextStatus);
  }

  // A hidden text looks as the default one.
  async find(id) {
    const wid = createWid(id);
    const known = this.get(wid);
    if (known && isMe(wid.toString())) return known;
    const status = (await socket.service('about', { address: wid.toString() })) ?? DEFAULT_ABOUT;
    return (known ?? this.add({ id: wid })).set({ status });
  }
}
const TextStatusCollection = new TextStatusCollectionImpl();

class ProfilePicThumb extends Model {
  get img() {
    return this.previewEurl;
  }

  get imgFull() {
    return this.eurl;
  }
}
ProfilePicThumb.prototype.proxyName = 'profile-pic-thumb';

class ProfilePicThumbCollectionImpl extends BaseCollection {
  constructor() {
    super(ProfilePicThumb);
  }

  // Rejects with the service's status where there is none or it is hidden. What is known is not asked for again.
  async find(id) {
    const wid = createWid(id);
    const known = this.get(wid);
    if (known && !known.stale) return known;
    const path = await socket.service('picture', { address: wid.toString() });
    const fields = { id: wid, tag: path.split('/').pop().slice(0, 16), eurl: path, previewEurl: path, stale: false };
    return known ? known.set(fields) : this.add(fields);
  }
}
const ProfilePicThumbCollection = new ProfilePicThumbCollectionImpl();

// A contact's picture may have changed.
export function pictureChanged(wid) {
  const known = ProfilePicThumbCollection.get(wid);
  if (known) known.stale = true;
}

// The page makes no other sizes; the service keeps the large one. A refusal is thrown, with the service's status.
async function sendSetPicture(wid, _small, large) {
  const file = new Blob([Uint8Array.from(atob(large.split(',')[1]), (one) => one.charCodeAt(0))], { type: 'image/jpeg' });
  const { direct_path: path } = await (await fetch('/mms/upload?type=picture', { method: 'POST', body: file })).json();
  await socket.service('set_picture', { address: wid.toString(), path });
  pictureChanged(wid);
  return { eurl: path, tag: path.split('/').pop().slice(0, 16), status: 200 };
}

async function requestDeletePicture(wid) {
  await socket.service('set_picture', { address: wid.toString(), path: null });
  pictureChanged(wid);
  return { status: 200 };
}

export function takeProfile({ name, about, business }) {
  Conn.set({ pushname: name, isSMB: business });
  const id = getMaybeMePnUser();
  if (id) (TextStatusCollection.get(id) ?? TextStatusCollection.add({ id })).set({ status: about });
}

async function setPushname(name) {
  await socket.service('set_profile', { fields: { name } });
  Conn.pushname = name;
}

async function setMyStatus(about) {
  await socket.service('set_profile', { fields: { about } });
  return { status: 200 };
}

register({
  WAWebTextStatusModel: { TextStatus },
  WAWebTextStatusCollection: { TextStatusCollection, getDefaultTextStatus: () => DEFAULT_ABOUT },
  WAWebContactStatusBridge: {
    getStatus: async ({ wid }) => ({ id: wid, status: (await TextStatusCollection.find(wid)).status }),
    setMyStatus,
    queryStatusAll: async () => [],
  },
  WAWebProfilePicThumbModel: { ProfilePicThumb },
  WAWebProfilePicThumbCollection: { ProfilePicThumbCollection },
  WAWebContactProfilePicThumbBridge: { sendSetPicture, requestDeletePicture },
  WAWebSetPushnameConnAction: { setPushname },
  WAWebUserPrefsGeneral: { getPushname: () => Conn.pushname, setBrowserId() {}, getUserPrivacySettings: () => ({}) },
});
