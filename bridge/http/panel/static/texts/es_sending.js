// What the panel says of budgets, waits and cancelling.

// Words of `words`.
export const sending = {
  answersLeft: 'Respuestas que podés enviar ya',
  firstLeft: 'Chats nuevos que podés iniciar ya',
  firstToday: 'Chats nuevos en 24 h',
  ofPerDay: '{0} de {1}',
  nextAt: 'próximo',
  noLimit: 'sin límite',
  quietUntil: 'Horario de silencio: los envíos masivos esperan (hasta {0}).',
  lockedUntil: 'WhatsApp no deja iniciar chats nuevos (hasta {0}). Las respuestas siguen saliendo.',
  newChats: 'Chats nuevos según WhatsApp: {0} de {1}.',
  cancelSend: 'Cancelar envío',
  cancelSendAsk: '¿Cancelar este envío?',
  cancelSendText: 'Si todavía no salió, no se envía.',
  aboutAt: '{0}, aprox. {1}',
};

// What an accepted command waits for, by `waits.reason`.
export const waits = {
  not_connected: 'Espera la conexión con WhatsApp',
  chat_pace: 'Espera por el ritmo de este chat',
  session_pace: 'Espera por el ritmo de la sesión',
  earlier_message: 'Espera al mensaje anterior de este chat',
  file: 'Espera su archivo', retry: 'Espera el próximo intento',
  reach_out_lock: 'Espera a que WhatsApp vuelva a permitir chats nuevos',
  first_message_pace: 'Espera por el ritmo de los chats nuevos',
  first_messages_per_day: 'Espera por el máximo diario de chats nuevos',
  send_at: 'Espera su hora de envío',
  quiet_hours: 'Espera el fin del horario de silencio',
};

// Why a URL gives no file, by `detail_code`.
export const fileDetails = {
  file_host_unknown: 'No se encuentra el servidor de la dirección del archivo.',
  file_connection_refused: 'El servidor de la dirección del archivo no acepta la conexión.',
  file_timed_out: 'El servidor de la dirección del archivo tarda demasiado.',
  file_status: 'El servidor no entrega el archivo en esa dirección.',
};

// What to do about a command that failed, by the code of its error.
export const advice = {
  invalid: 'Corregí el pedido: la frase de arriba dice qué está mal.',
  too_large: 'Acortá o dividí el texto.',
  conflict: 'Usá otro id para otro contenido.',
  expired: 'No se envió. Si todavía importa, envialo de nuevo, con más ttl.',
  retained: 'Publicá sin retain, y borrá el retenido.',
  not_on_whatsapp: 'Revisá el número: código de país y de área, sin 15.',
  not_connected: 'Conectá la sesión y envialo de nuevo.',
  media_unavailable: 'Revisá la dirección del archivo, o subilo, y envialo de nuevo.',
  media_unsupported: 'Enviá el archivo como documento, o en otro formato.',
  reach_out_locked: 'WhatsApp limita los chats nuevos: esperá y respondé los existentes.',
  limit_reached: 'WhatsApp pone un límite: esperá y enviá más despacio.',
  refused: 'WhatsApp lo rechazó: mirá el chat en el teléfono (¿bloqueado?, ¿saliste del grupo?).',
  internal: 'Error interno del puente: mirá el registro y envialo de nuevo.',
  unknown: 'Puede haberse enviado. Mirá el chat en el teléfono; envialo de nuevo solo si no está.',
};
