// Every word of the page, in the two languages of its readers; the browser says which.

const en = {
  conversations: 'Conversations', automatic: 'Automatic answers', search: 'Search name, number or text', show: 'Show',
  choose: 'Choose a conversation.', back: 'Back to the list', messages: 'Messages', write: 'Write an answer', send: 'Send',
  key: 'Key', keyHelp: 'WHATSAPP_API_KEY of this responder. It is kept until this tab is closed.', enter: 'Enter',
  all: 'All', waiting: 'Waiting', paused: 'Paused', opted_out: 'Opted out',
  none: 'Nothing found.', everywhere: 'All clients', client: (id) => `Client ${id}`, on: 'on', off: 'off', partly: 'off for some',
  troubles: (count) => (count === 1 ? 'One problem lately' : `${count} problems lately`),
  pause: 'Pause', resume: 'Resume', pausedUntil: (time) => `Automatic answers are paused here until ${time}.`,
  optedOut: 'This person asked for no automatic answers.', allow: 'Answer again', earlier: 'Earlier messages',
  works: 'Working', amiss: {
    database: 'The database does not answer', broker: 'The broker does not answer', bridge: 'The bridge is away',
    sender: 'The sender does not answer', leases: 'Another replica does the work',
  },
  kinds: {
    audio: '🎤 Audio', ptt: '🎤 Voice message', image: '📷 Photo', video: '🎥 Video', ptv: '🎥 Video message', gif: 'GIF',
    sticker: 'Sticker', document: '📄 Document', location: '📍 Location', vcard: '👤 Contact', multi_vcard: '👤 Contacts',
    poll_creation: '📊 Poll',
  },
  ia: 'automatic', humano: 'person', sistema: 'system', unreachable: 'The responder does not answer. Trying again…',
  states: { ready: 'being sent', failed: 'not sent', unknown: 'may not have arrived' },
  verdicts: {
    answer: 'waits for an answer', duplicate: 'repeated', human: 'left to a person', off: 'answers were off',
    client_off: 'answers were off', too_old: 'too old to answer', closed: 'outside opening hours', no_answer: 'no answer known',
    forbidden: 'answer held back', opt_out: 'opted out', opted_out: 'opted out', chat_budget: 'answered often enough',
    total_budget: 'too many answers', not_text: 'not a text', group: 'group', not_mentioned: 'group', blocked: 'blocked',
  },
};

const es = {
  conversations: 'Conversaciones', automatic: 'Respuestas automáticas', search: 'Buscar nombre, número o texto', show: 'Mostrar',
  choose: 'Elegí una conversación.', back: 'Volver a la lista', messages: 'Mensajes', write: 'Escribí una respuesta', send: 'Enviar',
  key: 'Clave', keyHelp: 'La WHATSAPP_API_KEY de este responder. Se guarda hasta cerrar esta pestaña.', enter: 'Entrar',
  all: 'Todas', waiting: 'Esperan', paused: 'En pausa', opted_out: 'De baja',
  none: 'No hay nada.', everywhere: 'Todos los clientes', client: (id) => `Cliente ${id}`, on: 'activadas', off: 'apagadas', partly: 'apagadas para algunos',
  troubles: (count) => (count === 1 ? 'Un problema reciente' : `${count} problemas recientes`),
  pause: 'Pausar', resume: 'Reanudar', pausedUntil: (time) => `Las respuestas automáticas están en pausa acá hasta ${time}.`,
  optedOut: 'Esta persona pidió no recibir respuestas automáticas.', allow: 'Volver a responder', earlier: 'Mensajes anteriores',
  works: 'Funciona', amiss: {
    database: 'La base de datos no responde', broker: 'El broker no responde', bridge: 'El puente no está',
    sender: 'El emisor no responde', leases: 'Trabaja otra réplica',
  },
  kinds: {
    audio: '🎤 Audio', ptt: '🎤 Mensaje de voz', image: '📷 Foto', video: '🎥 Video', ptv: '🎥 Videomensaje', gif: 'GIF',
    sticker: 'Sticker', document: '📄 Documento', location: '📍 Ubicación', vcard: '👤 Contacto', multi_vcard: '👤 Contactos',
    poll_creation: '📊 Encuesta',
  },
  ia: 'automática', humano: 'persona', sistema: 'sistema', unreachable: 'El responder no contesta. Se vuelve a intentar…',
  states: { ready: 'enviándose', failed: 'no se envió', unknown: 'puede no haber llegado' },
  verdicts: {
    answer: 'espera respuesta', duplicate: 'repetido', human: 'lo atiende una persona', off: 'respuestas apagadas',
    client_off: 'respuestas apagadas', too_old: 'muy viejo para responder', closed: 'fuera de horario', no_answer: 'sin respuesta conocida',
    forbidden: 'respuesta retenida', opt_out: 'se dio de baja', opted_out: 'de baja', chat_budget: 'ya se respondió bastante',
    total_budget: 'demasiadas respuestas', not_text: 'no es texto', group: 'grupo', not_mentioned: 'grupo', blocked: 'bloqueado',
  },
};

export const language = navigator.language.startsWith('es') ? 'es' : 'en';
export const words = language === 'es' ? es : en;

// What a line says: the name of its kind, where it came without a text and is recorded as `[kind]`.
export function spoken(text) {
  const [, kind] = /^\[(\w+)\]$/.exec(text) ?? [];
  return words.kinds[kind] ?? text;
}

// Puts the words into the page as it came from the server.
export function translate(root) {
  root.documentElement.lang = language;
  root.title = words.conversations;
  for (const node of root.querySelectorAll('[data-word]')) node.textContent = words[node.dataset.word];
  for (const node of root.querySelectorAll('[data-label]')) node.setAttribute('aria-label', words[node.dataset.label]);
  for (const node of root.querySelectorAll('[data-placeholder]')) node.placeholder = words[node.dataset.placeholder];
}
