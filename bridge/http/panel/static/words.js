// What the page says, in English and Spanish. The bridge's own sentences (why a session is as it is) come in English;
// those that an operator needs are told here in both.

const WORDS = {
  skip: ['Skip to the content', 'Ir al contenido'],
  session: ['Session', 'Sesión'], sections: ['Sections', 'Secciones'], leave: ['Log out', 'Salir'],
  sessions: ['Sessions', 'Sesiones'], messages: ['Messages', 'Mensajes'], outbox: ['Outbox', 'Envíos'],
  listeners: ['Listeners', 'Webhooks'], charts: ['Charts', 'Gráficos'], access: ['Access', 'Acceso'],
  live: ['Live', 'En vivo'], lost: ['The bridge does not answer. Trying again…', 'El puente no responde. Reintentando…'],
  cancel: ['Cancel', 'Cancelar'], close: ['Close', 'Cerrar'], done: ['Done', 'Listo'], copy: ['Copy', 'Copiar'], copied: ['Copied', 'Copiado'],
  more: ['Show older', 'Ver anteriores'], all: ['All', 'Todos'], nothing: ['Nothing here.', 'No hay nada acá.'],
  // the door
  enter: ['Log in', 'Entrar'], key: ['API key', 'Clave de API'],
  doorHelp: ['With an API key, or with the link that `wa up` prints.', 'Con una clave de API, o con el enlace que muestra `wa up`.'],
  wrongKey: ['This key is not valid.', 'Esta clave no es válida.'], linkUsed: ['This link was used or is too old. Use a key.', 'Este enlace ya se usó o venció. Usá una clave.'],
  // sessions
  sessionsLead: ['Each number that the bridge holds, as it is now.', 'Cada número que tiene el puente, como está ahora.'],
  since: ['Since', 'Desde'], owner: ['Owner', 'Dueño'], queueOut: ['Waiting to leave', 'Por enviar'], queueIn: ['Not yet on MQTT', 'Sin publicar'],
  budget: ['Sends left', 'Envíos libres'], noLimit: ['no limit', 'sin límite'], lastMessage: ['Last message', 'Último mensaje'], never: ['never', 'nunca'],
  journalled: ['Received', 'Recibidos'], memory: ['Memory', 'Memoria'],
  init: ['Start', 'Iniciar'], closeSession: ['Close', 'Cerrar'], logout: ['Log out of WhatsApp', 'Desvincular'], restart: ['Restart', 'Reiniciar'],
  closeAsk: ['Close {0}?', '¿Cerrar {0}?'], closeText: ['Nothing arrives and nothing leaves until it is started again. The login is kept.', 'No llega ni sale nada hasta iniciarla otra vez. El vínculo se conserva.'],
  logoutAsk: ['Log {0} out of WhatsApp?', '¿Desvincular {0} de WhatsApp?'], logoutText: ['The phone forgets this device. To go on you have to pair again.', 'El teléfono olvida este dispositivo. Para seguir hay que vincular de nuevo.'],
  restartAsk: ['Restart {0}?', '¿Reiniciar {0}?'], restartText: ['The browser is started anew, which takes a few seconds. Nothing is lost.', 'El navegador arranca de nuevo, tarda unos segundos. No se pierde nada.'],
  pairTitle: ['Pair a phone', 'Vincular un teléfono'], pair1: ['Open WhatsApp on the phone', 'Abrí WhatsApp en el teléfono'], pair2: ['Settings › Linked devices', 'Ajustes › Dispositivos vinculados'], pair3: ['Link a device, and scan this code', 'Vincular un dispositivo y escanear este código'],
  pairPhone: ['Link by phone number instead', 'Vincular con el número'], phone: ['Phone number, with country code', 'Número, con código de país'], pairAsk: ['Ask for a code', 'Pedir un código'],
  linkCode: ['Type this code on the phone: Linked devices › Link with phone number.', 'Escribí este código en el teléfono: Dispositivos vinculados › Vincular con número.'], qrAlt: ['Pairing code of {0}', 'Código para vincular {0}'],
  // messages
  messagesLead: ['What arrives and leaves, as it happens.', 'Lo que llega y lo que sale, al momento.'],
  filter: ['Filter by text, name or number', 'Filtrar por texto, nombre o número'], incoming: ['Received', 'Recibidos'], outgoing: ['Sent', 'Enviados'], groups: ['Groups', 'Grupos'],
  waiting: ['Waiting for messages…', 'Esperando mensajes…'], gap: ['Older messages are no longer kept.', 'Los mensajes anteriores ya no se guardan.'], late: ['came while away', 'llegó durante la ausencia'],
  sendTitle: ['Send', 'Enviar'], to: ['To (number)', 'Para (número)'], text: ['Message', 'Mensaje'], send: ['Send', 'Enviar'], own: ['from the phone', 'desde el teléfono'], reply: ['Answer', 'Responder'],
  accepted: ['waiting', 'en espera'], sending: ['leaving', 'saliendo'], sent: ['sent', 'enviado'], device: ['delivered', 'entregado'], read: ['read', 'leído'], played: ['played', 'escuchado'], failed: ['failed', 'falló'], unknown: ['not known', 'no se sabe'],
  // outbox
  outboxLead: ['Every command, and what to do where one went wrong.', 'Cada envío, y qué hacer cuando algo salió mal.'],
  open: ['Waiting', 'En espera'], failedMany: ['Failed', 'Fallidos'], unknownMany: ['Not known', 'Sin confirmar'], sentMany: ['Sent', 'Enviados'],
  erased: ['Erased', 'Borrado'],
  again: ['Send again', 'Enviar de nuevo'], againAsk: ['Send this again?', '¿Enviar de nuevo?'], againUnknown: ['Look on the phone first: if the message is there, it would arrive twice.', 'Mirá primero en el teléfono: si el mensaje está, llegaría dos veces.'], againText: ['It gets a new id and is sent as a new message.', 'Lleva un identificador nuevo y sale como mensaje nuevo.'],
  // listeners
  listenersLead: ['Callback URLs that get each message, each at its own pace.', 'Direcciones que reciben cada mensaje, cada una a su ritmo.'],
  lag: ['Behind', 'Atraso'], delivered: ['Delivered', 'Entregados'], circuit: ['Circuit', 'Circuito'], lastError: ['Last error', 'Último error'], nextTry: ['Next try', 'Próximo intento'],
  closed: ['works', 'funciona'], ailing: ['last one failed', 'falló la última'], half_open: ['being tried', 'probando'], openCircuit: ['fails', 'falla'], paused: ['paused', 'en pausa'], pause: ['Pause', 'Pausar'], resume: ['Resume', 'Reanudar'],
  addListener: ['Add a listener', 'Agregar un webhook'], url: ['Callback URL', 'Dirección (URL)'], add: ['Add', 'Agregar'], unregister: ['Remove', 'Quitar'], unregisterAsk: ['Stop delivering to {0}?', '¿Dejar de entregar a {0}?'],
  secret: ['Its secret, shown this once: deliveries are signed with it.', 'Su secreto, se muestra solo esta vez: firma cada entrega.'],
  letters: ['Dead letters', 'Entregas rechazadas'], lettersLead: ['What a listener refused for good. Nothing behind them waited.', 'Lo que un webhook rechazó en firme. Nada quedó detenido detrás.'],
  repeat: ['Deliver again', 'Entregar de nuevo'], throwAway: ['Throw away', 'Descartar'], throwAsk: ['Throw this dead letter away?', '¿Descartar esta entrega?'], repeated: ['Delivered.', 'Entregada.'], stillRefused: ['Still refused: {0}', 'Sigue rechazada: {0}'], repeatAll: ['Deliver all again', 'Entregar todas de nuevo'],
  // charts
  chartsLead: ['What happened, and how long it took.', 'Qué pasó y cuánto tardó.'], hour: ['Last hour', 'Última hora'], day: ['Last day', 'Último día'],
  throughput: ['Messages', 'Mensajes'], latency: ['Time to WhatsApp and to MQTT, milliseconds', 'Demora hasta WhatsApp y hasta MQTT, milisegundos'], deliveries: ['What became of sends', 'Qué fue de los envíos'], webhooks: ['Webhooks', 'Webhooks'],
  toWhatsapp: ['claim → WhatsApp', 'pedido → WhatsApp'], toMqtt: ['journal → MQTT', 'registro → MQTT'], refusedMany: ['Not delivered', 'Sin entregar'], notRead: ['Delivered', 'Entregados'], readMany: ['Read', 'Leídos'],
  perMinute: ['per minute', 'por minuto'], perQuarter: ['per quarter of an hour', 'por cuarto de hora'],
  // access
  keys: ['API keys', 'Claves de API'], keysLead: ['Who may call. A key is shown once; only its hash is kept.', 'Quién puede llamar. Una clave se muestra una vez; solo se guarda su huella.'],
  newKey: ['New key', 'Clave nueva'], name: ['Name', 'Nombre'], scopes: ['May', 'Puede'], sendScope: ['send', 'enviar'], listenScope: ['listen', 'escuchar'], adminScope: ['everything', 'todo'], allSessions: ['all sessions', 'todas las sesiones'],
  make: ['Make it', 'Crear'], keyMade: ['Keep it now: it is shown this once.', 'Guardala ahora: se muestra solo esta vez.'], firstKey: ['From the first key on, every program that calls needs one.', 'Desde la primera clave, todo programa que llame necesita una.'],
  revoke: ['Revoke', 'Revocar'], revokeAsk: ['Revoke the key {0}?', '¿Revocar la clave {0}?'], revokeText: ['Programs that use it are refused from now on.', 'Los programas que la usan quedan afuera desde ahora.'], revoked: ['revoked', 'revocada'],
  audit: ['Audit', 'Auditoría'], auditLead: ['What was done, by whom, from where.', 'Qué se hizo, quién y desde dónde.'], when: ['When', 'Cuándo'], who: ['Who', 'Quién'], what: ['What', 'Qué'], where: ['From', 'Desde'],
  noScope: ['Your key may not see this.', 'Tu clave no permite ver esto.'],
};

const STATES = {
  starting: ['Starting', 'Iniciando'], connecting: ['Connecting', 'Conectando'], authenticated: ['Logged in', 'Autenticada'], pairing: ['Waiting to be paired', 'Por vincular'], connected: ['Connected', 'Conectada'],
  reconnecting: ['Reconnecting', 'Reconectando'], unreachable: ['WhatsApp not reachable', 'WhatsApp inaccesible'], conflict: ['Open elsewhere', 'Abierta en otro lado'], page_changed: ['WhatsApp Web changed', 'WhatsApp Web cambió'], error: ['Error', 'Error'],
  logged_out: ['Logged out', 'Desvinculada'], stopped: ['Closed', 'Cerrada'], standby: ['Standby', 'En reserva'], offline: ['Offline', 'Fuera de línea'],
};

const REASONS_ES = {
  browser_starting: 'El navegador está arrancando.', page_loading: 'WhatsApp Web se está cargando.', catching_up: 'Conectada; juntando lo que llegó mientras tanto.', syncing: 'Vinculada; WhatsApp está sincronizando.',
  scan_qr: 'Escaneá el código: en el teléfono, Ajustes › Dispositivos vinculados › Vincular un dispositivo.', qr_expired: 'El código venció sin escanearse; se pide otro.', type_link_code: 'Escribí el código en el teléfono: Dispositivos vinculados › Vincular con número.',
  ready: 'Todo funciona.', link_down: 'WhatsApp perdió la conexión; reconecta sola. Si sigue así, revisá internet.', page_lost: 'La página o el navegador se cayó; se inicia de nuevo.', page_stuck: 'WhatsApp Web se quedó trabado; se carga de nuevo.', page_outdated: 'Hay una versión nueva de WhatsApp Web; se está cargando.',
  site_unreachable: 'No se llega a WhatsApp Web desde este equipo; se sigue intentando. Revisá internet.', site_broken: 'El sitio de WhatsApp responde otra cosa (¿mantenimiento?); se sigue intentando.', opened_elsewhere: 'WhatsApp Web se abrió en otro lado con este vínculo. Cerralo ahí y reiniciá.',
  module_missing: 'WhatsApp Web cambió y falta una función. Actualizá el puente.', client_expired: 'WhatsApp dice que esta versión venció. Reiniciá la sesión.', account_blocked: 'WhatsApp bloqueó esta cuenta. El teléfono dice por qué y hasta cuándo.', network_refused: 'WhatsApp rechaza la red de este equipo (proxy, VPN). Usá otra salida.',
  store_unusable: 'No se puede usar el almacén de la sesión; se sigue intentando.', profile_locked: 'Otro proceso usa el perfil del navegador. Detenelo.', profile_unusable: 'No se puede escribir el perfil. Revisá disco y permisos.', browser_failed: 'El navegador no arranca. Instalá chromium o indicalo en WA_BROWSER.', too_many_restarts: 'Se cayó demasiadas veces; se prueba en diez minutos. Revisá memoria y disco.',
  logged_out_by_phone: 'El teléfono terminó el vínculo. Sigue un código nuevo: escanealo.', logged_out_on_request: 'Desvinculada a pedido. Iniciala para vincular de nuevo.', closed_on_request: 'Cerrada a pedido; el vínculo se conserva. Iniciala cuando quieras.', owned_elsewhere: 'Otro puente tiene esta sesión; este la toma si aquel se va.', bridge_fault: 'El puente tuvo una falla propia y reinicia la sesión. El registro dice cuál.', shut_down: 'El puente se detuvo.', bridge_gone: 'El puente desapareció. Verificá que esté en marcha.',
};

const ERRORS_ES = {
  conflict: 'Este id ya se usó con otro contenido.', expired: 'Venció antes de poder salir.', retained: 'Llegó como mensaje retenido; esos no se envían.',
  not_on_whatsapp: 'Este número no está en WhatsApp.', not_connected: 'La sesión no está conectada.', too_large: 'El texto es demasiado largo.',
};

// What to do about a command that failed, by its code.
const ADVICE = {
  invalid: ['Correct the command: the sentence above names what is wrong.', 'Corregí el pedido: la frase de arriba dice qué está mal.'], too_large: ['Shorten or split the text.', 'Acortá o dividí el texto.'], conflict: ['Use a new id for other content.', 'Usá otro id para otro contenido.'],
  expired: ['It was not sent. If it still matters, send it again; give it a longer ttl.', 'No salió. Si todavía importa, envialo de nuevo, con más ttl.'], retained: ['Publish without the retain flag, and clear the retained one.', 'Publicá sin retain, y borrá el retenido.'],
  not_on_whatsapp: ['Check the number: country code, area code, no 15.', 'Revisá el número: código de país y de área, sin 15.'], not_connected: ['Connect the session, then send it again.', 'Conectá la sesión y envialo de nuevo.'], reach_out_locked: ['WhatsApp limits new chats for now: wait, and answer existing ones.', 'WhatsApp limita los chats nuevos: esperá y respondé los existentes.'],
  refused: ['WhatsApp said no: look at the chat on the phone (blocked? left group?).', 'WhatsApp lo rechazó: mirá el chat en el teléfono (¿bloqueado?).'], internal: ['A fault of the bridge: see its log, then send it again.', 'Falla del puente: mirá el registro y envialo de nuevo.'], unknown: ['It may have left. Look at the chat on the phone; send it again only if it is not there.', 'Puede haber salido. Mirá el chat en el teléfono; envialo de nuevo solo si no está.'],
};

let spanish = (localStorage.getItem('language') ?? navigator.language).startsWith('es');

export const language = () => (spanish ? 'es' : 'en');
export const locale = () => (spanish ? 'es-AR' : 'en-GB');

export function speak(other) {
  spanish = other === 'es';
  localStorage.setItem('language', other);
}

export const word = (name, ...values) => values.reduce((text, value, at) => text.replace(`{${at}}`, value), WORDS[name]?.[+spanish] ?? name);
export const state = (name) => STATES[name]?.[+spanish] ?? name;
export const reason = (status) => (spanish && REASONS_ES[status.reason]) || status.text;
export const fault = (error) => (spanish && ERRORS_ES[error.code]) || error.text;
export const advice = (code) => ADVICE[code]?.[+spanish] ?? '';

export function translate(root) {
  document.documentElement.lang = language();
  for (const one of root.querySelectorAll('[data-word]')) one.textContent = word(one.dataset.word);
  for (const one of root.querySelectorAll('[data-label]')) one.setAttribute('aria-label', word(one.dataset.label));
}

export const number = (value) => new Intl.NumberFormat(locale()).format(value);

export function moment(text) {
  const at = new Date(text), today = new Date();
  const day = at.toDateString() === today.toDateString() ? {} : { day: 'numeric', month: 'short' };
  return at.toLocaleString(locale(), { ...day, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
}

// What `wa forget` leaves where an address stood.
export const isErased = (address) => Boolean(address?.startsWith('erased@'));
// A chat's address as a person reads it.
export const person = (address) => isErased(address) ? word('erased') : (address ?? '').replace(/@(c\.us|s\.whatsapp\.net)$/, '').replace(/^(\d{8,})$/, '+$1');
