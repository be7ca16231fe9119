// Phone numbers as people write them. Knows how Argentina groups its numbers; elsewhere the country stands apart.

import { word } from './words.js';

const COUNTRIES_OF_ONE = /^[17]/;
const COUNTRIES_OF_TWO = /^(2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/;
// Argentina's area codes of three digits; 11 has two, all others have four.
const AREAS_OF_THREE = /^(22[0139]|23[067]|249|26[01346]|280|29[147-9]|336|34[1-358]|35[138]|36[24]|37[069]|38[0-8])/;

function spelled(digits) {
  const argentine = /^54(9?)(\d{10})$/.exec(digits);
  if (argentine) {
    const [, mobile, rest] = argentine;
    const area = rest.startsWith('11') ? 2 : AREAS_OF_THREE.test(rest) ? 3 : 4;
    return ['+54', mobile, rest.slice(0, area), `${rest.slice(area, -4)}-${rest.slice(-4)}`].filter(Boolean).join(' ');
  }
  const length = COUNTRIES_OF_ONE.test(digits) ? 1 : COUNTRIES_OF_TWO.test(digits) ? 2 : 3;
  const national = digits.slice(length);
  return `+${digits.slice(0, length)} ${national.replace(/\d{3}(?=\d{3})/g, '$& ')}`;
}

// What `wa forget` leaves where an address stood.
export const isErased = (address) => Boolean(address?.startsWith('erased@'));

// A chat's address as a person reads it; what is no phone number stays as it is.
export function person(address) {
  if (isErased(address)) return word('erased');
  const user = (address ?? '').replace(/@(c\.us|s\.whatsapp\.net)$/, '');
  const digits = user.replace(/^\+/, '');
  return /^\d{8,15}$/.test(digits) ? spelled(digits) : user;
}
