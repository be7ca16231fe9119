// Errors in the language of the page, looked up by code. The bridge's English sentence is shown where the language has
// no text for the code.

import { language, lookup } from './language.js';

// Sentences of `invalid`, by words of the bridge's sentence.
const INVALID_ES = [
  [/\bscopes\b/, 'Elegí al menos un permiso.'],
  [
    /not a phone number/,
    'No es un número de teléfono: de 5 a 15 dígitos, con código de país. Por ejemplo +54 9 11 5550-0001.',
  ],
  [/not a WhatsApp address|Messages can go to/, 'No es una dirección de WhatsApp a la que se pueda escribir.'],
  [/no chat with|no such chat/, 'Esta cuenta no tiene ese chat: solo se puede responder.'],
  [/Webhooks must not go to the bridge itself/, 'Un webhook no puede apuntar al propio puente.'],
  [
    /Webhooks must not go to/,
    'Los webhooks no pueden ir a esa dirección: WA_CALLBACK_HOSTS tiene las permitidas.',
  ],
  [/callback URL could not be resolved/, 'No se encuentra el servidor de esa dirección.'],
  [/callback URL must begin/, 'La dirección debe empezar con http:// o https://.'],
  [
    /callback URL must not contain a (user|fragment)/,
    'La dirección no puede llevar usuario, contraseña ni fragmento (#).',
  ],
  [/callback URL/, 'Eso no es una dirección (URL) que se pueda usar.'],
];

// Why the outcome of a command is unknown, by words of the bridge's sentence.
const DOUBTS_ES = [
  [
    /before the connection broke/,
    'Puede haberse enviado antes de que se cortara la conexión, y WhatsApp Web no lo conoce.',
  ],
  [/shows an error/, 'WhatsApp Web muestra un error que no dice si el mensaje se envió.'],
  [/not confirmed the message in time/, 'WhatsApp no lo confirmó a tiempo; todavía puede enviarse.'],
  [
    /store was restored/,
    'Estaba abierto cuando se restauró el almacén o cuando otro puente tuvo la sesión; puede haberse enviado.',
  ],
];

const spanish = () => language() === 'es';

// An error of the bridge.
export function errorText({ code, text }) {
  const invalid = spanish() && code === 'invalid' ? INVALID_ES.find(([words]) => words.test(text)) : null;
  return invalid?.[1] ?? lookup('errors', code) ?? text;
}

// An error of a call that this page made.
export const problemText = (problem) =>
  problem.code ? errorText({ code: problem.code, text: problem.message }) : problem.message;

export const adviceText = (code) => lookup('advice', code) ?? lookup('advice', 'unknown');

export const doubtText = (text) => (spanish() && DOUBTS_ES.find(([words]) => words.test(text))?.[1]) || text;

// The outcome of the last post to a webhook; `error` is the same as an English sentence.
export function postText({ status, failure, error }) {
  if (!spanish()) return error;
  if (failure) return lookup('posts', failure) ?? error;
  if (status === null || status === undefined) return error; // stored by a version without codes
  return `Respondió ${status}${status >= 300 && status < 400 ? ', una redirección, que no se sigue' : ''}.`;
}
