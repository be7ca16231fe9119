// The logged-in account, and the keys that the QR code contains.

import { isLoggedIn, owner } from '../credentials.js';
import { register } from '../registry.js';
import { createWid } from './identity.js';
import { encodeB64, randomBytes } from './random.js';

const keyPair = () => ({ pubKey: randomBytes(32).buffer, privKey: randomBytes(32).buffer });
const noise = { staticKeyPair: keyPair() };
const registration = { registrationId: 1, identityKeyPair: keyPair() };
const advSecret = encodeB64(randomBytes(32));

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
  WAWebUserPrefsMultiDevice: { getADVSecretKey: () => advSecret, setADVSignedIdentity: () => {} },
  WAWebUserPrefsInfoStore: { waNoiseInfo: { get: async () => noise } },
  WAWebSignalStoreApi: { waSignalStore: { getRegistrationInfo: async () => registration } },
});
