// What went wrong and what to do about it, in the language of the page. Codes come from the bridge, and so does the
// English sentence, which is shown as it is on the English page and for a code that is not known here.

import { language } from './words.js';

const ERRORS_ES = {
  invalid: 'El pedido no tiene la forma esperada.', too_large: 'El texto es demasiado largo.', conflict: 'Este id ya se usó con otro contenido.',
  expired: 'Venció antes de poder salir, así que no salió.', retained: 'Llegó como mensaje retenido; esos no se envían.',
  not_on_whatsapp: 'Este número no está en WhatsApp.', not_connected: 'La sesión no está conectada.', no_such_session: 'No hay ninguna sesión con ese nombre.',
  unsupported: 'Este puente no puede hacer eso.', reach_out_locked: 'WhatsApp no deja iniciar chats nuevos por ahora.', refused: 'WhatsApp rechazó el mensaje.',
  cancelled: 'Se canceló antes de salir.', internal: 'El puente falló; su registro dice por qué.',
  unauthorized: 'Hace falta una clave válida.', forbidden: 'Tu clave no permite hacer esto.', not_found: 'Eso ya no existe.', method_not_allowed: 'Eso no se puede hacer acá.',
  request_timed_out: 'El pedido no llegó a tiempo.', unsupported_media_type: 'El pedido no es JSON.', rate_limited: 'Demasiados pedidos; esperá un momento.',
  offline: 'El puente no responde.',
};

// Sentences of `invalid` that a person can cause here; each is told by the words that the bridge uses.
const INVALID_ES = [
  [/\bscopes\b/, 'Elegí al menos un permiso.'],
  [/not a phone number/, 'No es un número de teléfono: de 5 a 15 dígitos, con código de país. Por ejemplo +54 9 11 5550-0001.'],
  [/not a WhatsApp address|Messages can go to/, 'No es una dirección de WhatsApp a la que se pueda escribir.'],
  [/no chat with|no such chat/, 'Esta cuenta no tiene ese chat: solo se puede responder.'],
  [/Webhooks must not go to the bridge itself/, 'Un webhook no puede apuntar al propio puente.'],
  [/Webhooks must not go to/, 'Los webhooks no pueden ir a esa dirección: WA_CALLBACK_HOSTS dice a cuáles sí.'],
  [/callback URL could not be resolved/, 'No se encuentra el servidor de esa dirección.'],
  [/callback URL must begin/, 'La dirección debe empezar con http:// o https://.'],
  [/callback URL must not contain a (user|fragment)/, 'La dirección no puede llevar usuario, contraseña ni fragmento (#).'],
  [/callback URL/, 'Eso no es una dirección (URL) que se pueda usar.'],
];

// Why nobody can tell what became of a command, by words of the bridge's sentence.
const DOUBTS_ES = [
  [/before the connection broke/, 'Puede haber salido antes de que se cortara la conexión, y WhatsApp Web no lo conoce.'],
  [/shows an error/, 'WhatsApp Web muestra un error que no dice si el mensaje salió.'],
  [/not confirmed the message in time/, 'WhatsApp no lo confirmó a tiempo; todavía puede salir.'],
  [/store was restored/, 'Estaba abierto cuando se restauró el almacén o cuando otro puente tuvo la sesión; puede haber salido.'],
];

// What to do about a command that failed, by its code.
const ADVICE = {
  invalid: ['Correct the command: the sentence above names what is wrong.', 'Corregí el pedido: la frase de arriba dice qué está mal.'], too_large: ['Shorten or split the text.', 'Acortá o dividí el texto.'], conflict: ['Use a new id for other content.', 'Usá otro id para otro contenido.'],
  expired: ['It was not sent. If it still matters, send it again; give it a longer ttl.', 'No salió. Si todavía importa, envialo de nuevo, con más ttl.'], retained: ['Publish without the retain flag, and clear the retained one.', 'Publicá sin retain, y borrá el retenido.'],
  not_on_whatsapp: ['Check the number: country code, area code, no 15.', 'Revisá el número: código de país y de área, sin 15.'], not_connected: ['Connect the session, then send it again.', 'Conectá la sesión y envialo de nuevo.'], reach_out_locked: ['WhatsApp limits new chats for now: wait, and answer existing ones.', 'WhatsApp limita los chats nuevos: esperá y respondé los existentes.'],
  refused: ['WhatsApp said no: look at the chat on the phone (blocked? left group?).', 'WhatsApp lo rechazó: mirá el chat en el teléfono (¿bloqueado?, ¿grupo que dejaste?).'], internal: ['A fault of the bridge: see its log, then send it again.', 'Falla del puente: mirá el registro y envialo de nuevo.'],
  unknown: ['It may have left. Look at the chat on the phone; send it again only if it is not there.', 'Puede haber salido. Mirá el chat en el teléfono; envialo de nuevo solo si no está.'],
};

// Why a webhook did not take an item, by the code of the failure.
const POSTS_ES = {
  timed_out: 'No respondió a tiempo.', host_unknown: 'El nombre de su servidor no lleva a ningún lado.', connection_refused: 'Ahí no escucha nadie: la conexión fue rechazada.',
  tls_failed: 'No hay conexión segura: el certificado o el protocolo TLS no sirve.', broken_off: 'Cortó antes de responder, o lo que dijo no es HTTP.',
  unreachable: 'No se llega hasta ahí: revisá la red.', forbidden: 'Los webhooks no pueden ir a esa dirección: WA_CALLBACK_HOSTS dice a cuáles sí.',
};

const spanish = () => language() === 'es';

// An error of the bridge, `{code, text}`.
export function fault({ code, text }) {
  if (!spanish()) return text;
  const told = code === 'invalid' ? INVALID_ES.find(([words]) => words.test(text)) : null;
  return told?.[1] ?? ERRORS_ES[code] ?? text;
}

// What a call of this page came back with.
export const said = (problem) => (problem.code ? fault({ code: problem.code, text: problem.message }) : problem.message);

export const advice = (code) => (ADVICE[code] ?? ADVICE.unknown)[+spanish()];

export const doubt = (text) => (spanish() && DOUBTS_ES.find(([words]) => words.test(text))?.[1]) || text;

// What came of the last post to a webhook: `{status, failure, error}`, `error` the same as an English sentence.
export function post({ status, failure, error }) {
  if (!spanish()) return error;
  if (failure) return POSTS_ES[failure] ?? error;
  if (status === null || status === undefined) return error; // kept by a version that stored no code
  return `Respondió ${status}${status >= 300 && status < 400 ? ', una redirección, que no se sigue' : ''}.`;
}
