// The logged-in account, and the device's keys.

import { isLoggedIn, owner } from '../credentials.js';
import { register } from '../registry.js';
import { createWid } from './identity.js';
import { randomBytes } from './random.js';

const keyPair = () => ({ pubKey: randomBytes(32).buffer, privKey: randomBytes(32).buffer });
export const noise = { staticKeyPair: keyPair() };
export const registration = { registrationId: 1, identityKeyPair: keyPair() };

const me = (form) => () => (isLoggedIn() ? createWid(owner()[form]) : null);
export const getMaybeMePnUser = me('pn');
export const getMaybeMeLidUser = me('lid');
export const isMe = (address) => Object.values(owner() ?? {}).includes(address);

register({
  WAWebAuthLoginState: { isLoggedIn },
  WAWebRegistrationState: { isRegistered: isLoggedIn },
  WAWebUserPrefsMeUser: {
    getMaybeMePnUser,
    getMaybeMeLidUser,
    getMeLidUserOrThrow() {
      const lid = getMaybeMeLidUser();
      if (!lid) throw new Error('no lid user');
      return lid;
    },
  },
  WAWebUserPrefsInfoStore: { waNoiseInfo: { get: async () => noise } },
  WAWebSignalStoreApi: { waSignalStore: { getRegistrationInfo: async () => registration } },
});
