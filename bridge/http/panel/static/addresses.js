// Addresses as people read them. Phone numbers of Argentina are grouped by area code; of others only the country code
// is set apart.

import { word } from './language.js';

const ONE_DIGIT_COUNTRY = /^[17]/;
const TWO_DIGIT_COUNTRY = /^(2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/;
// Argentina's area codes of three digits; 11 has two, all others have four.
const THREE_DIGIT_AREA = /^(22[0139]|23[067]|249|26[01346]|280|29[147-9]|336|34[1-358]|35[138]|36[24]|37[069]|38[0-8])/;

function phoneNumber(digits) {
  const argentine = /^54(9?)(\d{10})$/.exec(digits);
  if (argentine) {
    const [, mobile, rest] = argentine;
    const area = rest.startsWith('11') ? 2 : THREE_DIGIT_AREA.test(rest) ? 3 : 4;
    return ['+54', mobile, rest.slice(0, area), `${rest.slice(area, -4)}-${rest.slice(-4)}`].filter(Boolean).join(' ');
  }
  const length = ONE_DIGIT_COUNTRY.test(digits) ? 1 : TWO_DIGIT_COUNTRY.test(digits) ? 2 : 3;
  const national = digits.slice(length);
  return `+${digits.slice(0, length)} ${national.replace(/\d{3}(?=\d{3})/g, '$& ')}`;
}

// `wa forget` replaces addresses by ones of this form.
export const isErased = (address) => Boolean(address?.startsWith('erased@'));

export const isGroup = (address) => /@g\.us$/.test(address);

// A phone number in groups of digits; anything else as it is.
export function readableAddress(address) {
  if (isErased(address)) return word('erased');
  const user = (address ?? '').replace(/@(c\.us|s\.whatsapp\.net)$/, '');
  const digits = user.replace(/^\+/, '');
  return /^\d{8,15}$/.test(digits) ? phoneNumber(digits) : user;
}
