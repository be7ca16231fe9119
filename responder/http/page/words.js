// The texts of the page in English and Spanish; the browser's language selects one until another is chosen.

import { kinds } from './kinds.js';

const en = {
  conversations: 'Conversations', automatic: 'Automatic answers', search: 'Search name, number or text', show: 'Show',
  choose: 'Choose a conversation.', back: 'Back to the list', messages: 'Messages', write: 'Write an answer', send: 'Send',
  key: 'Key', enter: 'Enter', panel: 'The bridge’s panel shows these conversations, too:',
  keyHelp: 'WHATSAPP_API_KEY, or with `wa up` a key of the bridge that may do everything. It is kept until'
    + ' you close this tab.',
  narrowKey: 'This key is valid, but this page needs one with the scope `admin` for all sessions:'
    + ' `wa key create NAME --scope admin`.',
  all: 'All', waiting: 'Unanswered', paused: 'Paused', opted_out: 'Opted out',
  more: 'Show older', none: 'No results.', nothing: 'No conversations yet. Each begins here when someone writes.', everywhere: 'All clients', client: (id) => `Client ${id}`, on: 'on', off: 'off', partly: 'off for some',
  problemCount: (count) => (count === 1 ? 'One recent problem' : `${count} recent problems`),
  pause: 'Pause', resume: 'Resume', pausedUntil: (time) => `Automatic answers in this chat are paused until ${time}.`,
  optedOut: 'This person asked for no automatic answers.', optIn: 'Answer again', earlier: 'Earlier messages',
  optInAsk: 'Answer this person automatically again?', cancel: 'Cancel',
  optInText: 'Do it only if the person asked for it: campaigns write to them again, too.',
  works: 'Working', problems: {
    database: 'The database does not respond', broker: 'The broker does not respond', bridge: 'The bridge is not connected',
    sender: 'The sender does not respond', leases: 'Another replica answers the messages',
    rules: 'The rules file has a mistake',
  },
  edited: 'edited', revoked: 'This message was deleted.',
  ia: 'automatic', humano: 'person', sistema: 'system', unreachable: 'No connection to the responder. Retrying…',
  offline: 'No connection to the responder. Try again in a moment.',
  noAnswer: 'No answer yet: it may have been done. Look before you do it again.',
  noAnswerOnce: 'No answer yet: it may have been sent. You can press again: it is sent once.',
  refused: (status) => `The responder could not do it (HTTP ${status}).`,
  errors: { no_such_chat: 'This conversation is no longer there.', database_down: 'The database does not respond.' },
  states: { ready: 'sending', failed: 'not sent', unknown: 'may not have been sent' },
  verdicts: {
    answer: 'waiting for an answer', transcribe: 'being written down', duplicate: 'repeated', human: 'handled by a person', off: 'answers off',
    client_off: 'answers off', too_old: 'too old', closed: 'outside business hours', no_answer: 'no automatic answer',
    model_failed: 'the model refused the question',
    forbidden: 'answer blocked', opt_out: 'opted out', opted_out: 'opted out', chat_budget: 'chat limit reached',
    total_budget: 'total limit reached', not_text: 'not a text', group: 'group', not_mentioned: 'group', blocked: 'blocked',
  },
};

const es = {
  conversations: 'Conversaciones', automatic: 'Respuestas automáticas', search: 'Buscar nombre, número o texto', show: 'Mostrar',
  choose: 'Elegí una conversación.', back: 'Volver a la lista', messages: 'Mensajes', write: 'Escribí una respuesta', send: 'Enviar',
  key: 'Clave', enter: 'Ingresar', panel: 'El panel del puente también muestra estas conversaciones:',
  keyHelp: 'La WHATSAPP_API_KEY o, con `wa up`, una clave del puente con permiso para todo.'
    + ' Se guarda hasta que cierres esta pestaña.',
  narrowKey: 'Esta clave es válida, pero esta página necesita una con el permiso `admin` para todas las sesiones:'
    + ' `wa key create NOMBRE --scope admin`.',
  all: 'Todas', waiting: 'Sin responder', paused: 'En pausa', opted_out: 'De baja',
  more: 'Ver anteriores', none: 'Sin resultados.', nothing: 'Todavía no hay conversaciones. Aparecen acá cuando alguien escribe.', everywhere: 'Todos los clientes', client: (id) => `Cliente ${id}`, on: 'activadas', off: 'desactivadas', partly: 'desactivadas para algunos',
  problemCount: (count) => (count === 1 ? 'Un problema reciente' : `${count} problemas recientes`),
  pause: 'Pausar', resume: 'Reanudar', pausedUntil: (time) => `Respuestas automáticas en pausa en este chat (hasta ${time}).`,
  optedOut: 'Esta persona pidió no recibir respuestas automáticas.', optIn: 'Volver a responder', earlier: 'Mensajes anteriores',
  optInAsk: '¿Volver a responderle automáticamente a esta persona?', cancel: 'Cancelar',
  optInText: 'Hacelo solo si te lo pidió: las campañas también le vuelven a escribir.',
  works: 'Funciona', problems: {
    database: 'La base de datos no responde', broker: 'El broker no responde', bridge: 'El puente no está conectado',
    sender: 'El emisor no responde', leases: 'Otra réplica responde los mensajes',
    rules: 'El archivo de reglas tiene un error',
  },
  edited: 'editado', revoked: 'Se eliminó este mensaje.',
  ia: 'automática', humano: 'persona', sistema: 'sistema', unreachable: 'Sin conexión con el responder. Reintentando…',
  offline: 'No hay conexión con el responder. Probá de nuevo en un momento.',
  noAnswer: 'Todavía no hay respuesta: puede que se haya hecho. Fijate antes de repetirlo.',
  noAnswerOnce: 'Todavía no hay respuesta: puede que se haya enviado. Podés apretar de nuevo: se envía una sola vez.',
  refused: (status) => `El responder no pudo hacerlo (HTTP ${status}).`,
  errors: { no_such_chat: 'Esta conversación ya no está.', database_down: 'La base de datos no responde.' },
  states: { ready: 'enviando', failed: 'no se envió', unknown: 'no se sabe si se envió' },
  verdicts: {
    answer: 'espera respuesta', transcribe: 'se está transcribiendo', duplicate: 'repetido', human: 'lo atiende una persona', off: 'respuestas desactivadas',
    client_off: 'respuestas desactivadas', too_old: 'demasiado antiguo', closed: 'fuera de horario', no_answer: 'sin respuesta automática',
    model_failed: 'el modelo rechazó la pregunta',
    forbidden: 'respuesta bloqueada', opt_out: 'se dio de baja', opted_out: 'de baja', chat_budget: 'límite del chat alcanzado',
    total_budget: 'límite total alcanzado', not_text: 'no es texto', group: 'grupo', not_mentioned: 'grupo', blocked: 'bloqueado',
  },
};

const NAMES = { en: 'English', es: 'Español' };
export const language = (localStorage.getItem('language') ?? navigator.language).startsWith('es') ? 'es' : 'en';
const other = language === 'es' ? 'en' : 'es';
export const words = language === 'es' ? es : en;

// The text of a message; for one without a text, recorded as `[kind]` with the name of its file, what people call it.
export function textOf(text) {
  const [, kind, title = ''] = /^\[([\w-]+)\]( .+)?$/.exec(text) ?? [];
  return kinds[kind] ? kinds[kind][language] + title : text;
}

// What a message is beside its text, and the name of its file or place; null where the text says it all.
export function headOf(line) {
  if (!kinds[line.kind] || line.revoked || line.text.startsWith(`[${line.kind}]`)) return null;
  return [kinds[line.kind][language], line.title].filter(Boolean).join(' · ');
}

// The page is made in one language: it is loaded again, with the chat of its address.
export function chooseOther() {
  localStorage.setItem('language', other);
  location.reload();
}

// Fills the texts into the served page.
export function translate(root) {
  root.documentElement.lang = language;
  root.title = words.conversations;
  Object.assign(root.getElementById('language'), { lang: other, textContent: NAMES[other] });
  for (const node of root.querySelectorAll('[data-word]')) node.textContent = words[node.dataset.word];
  for (const node of root.querySelectorAll('[data-label]')) node.setAttribute('aria-label', words[node.dataset.label]);
  for (const node of root.querySelectorAll('[data-placeholder]')) node.placeholder = words[node.dataset.placeholder];
}
