// What the page says, in English and Spanish. Why a session is as it is comes in English, with a code by which it is
// told here in Spanish; what went wrong is in faults.js.

const WORDS = {
  skip: ['Skip to the content', 'Ir al contenido'],
  session: ['Session', 'Sesión'], sections: ['Sections', 'Secciones'], leave: ['Log out', 'Salir'],
  sessions: ['Sessions', 'Sesiones'], messages: ['Messages', 'Mensajes'], outbox: ['Outbox', 'Envíos'],
  listeners: ['Listeners', 'Webhooks'], charts: ['Charts', 'Gráficos'], access: ['Access', 'Acceso'],
  lost: ['The bridge does not answer. Trying again…', 'El puente no responde. Reintentando…'],
  cancel: ['Cancel', 'Cancelar'], close: ['Close', 'Cerrar'], done: ['Done', 'Listo'], copy: ['Copy', 'Copiar'], copied: ['Copied', 'Copiado'],
  more: ['Show older', 'Ver anteriores'], all: ['All', 'Todos'], stale: ['as of {0}', 'visto a las {0}'],
  // the door
  enter: ['Log in', 'Entrar'], key: ['API key', 'Clave de API'],
  doorHelp: ['With an API key, or with the link that “wa up” prints.', 'Con una clave de API, o con el enlace que muestra «wa up».'],
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
  pairOther: ['Another number', 'Otro número'],
  pairPhone: ['Link by phone number instead', 'Vincular con el número'], phone: ['Phone number, with country code', 'Número, con código de país'], pairAsk: ['Ask for a code', 'Pedir un código'], codeAsked: ['Asked for. The code appears here within seconds; if none does, check the number.', 'Pedido. El código aparece acá en unos segundos; si no, revisá el número.'],
  qrAlt: ['Pairing code of {0}', 'Código para vincular {0}'],
  // messages
  messagesLead: ['What arrives and leaves, as it happens.', 'Lo que llega y lo que sale, al momento.'],
  filter: ['Filter by text, name or number', 'Filtrar por texto, nombre o número'], incoming: ['Received', 'Recibidos'], outgoing: ['Sent', 'Enviados'], groups: ['Groups', 'Grupos'],
  waiting: ['Waiting for messages…', 'Esperando mensajes…'], waitingHint: ['They appear here as they arrive. Write to this number from another phone to see it.', 'Aparecen acá al llegar. Escribile a este número desde otro teléfono para verlo.'], nothingFound: ['Nothing matches.', 'Nada coincide.'],
  group: ['group', 'grupo'], toWhom: ['to {0}', 'para {0}'],
  sendTitle: ['Send', 'Enviar'], to: ['To (number)', 'Para (número)'], text: ['Message', 'Mensaje'], send: ['Send', 'Enviar'], own: ['from the phone', 'desde el teléfono'], reply: ['Answer', 'Responder'],
  accepted: ['waiting', 'en espera'], sending: ['leaving', 'saliendo'], sent: ['sent', 'enviado'], device: ['delivered', 'entregado'], read: ['read', 'leído'], played: ['played', 'escuchado'], failed: ['failed', 'falló'], unknown: ['not known', 'no se sabe'],
  // outbox
  outboxLead: ['Every command, and what to do where one went wrong.', 'Cada envío, y qué hacer cuando algo salió mal.'],
  nothingSent: ['Nothing was sent yet.', 'Todavía no se envió nada.'], nothingSentHint: ['Write one under Messages, or publish to the session’s topic “out”.', 'Escribí uno en Mensajes, o publicá en el tópico «out» de la sesión.'], noneSuch: ['None: all is well.', 'Ninguno: todo en orden.'], noneOpen: ['Nothing waits.', 'Nada espera.'],
  open: ['Waiting', 'En espera'], failedMany: ['Failed', 'Fallidos'], unknownMany: ['Not known', 'Sin confirmar'], sentMany: ['Sent', 'Enviados'],
  erased: ['Erased', 'Borrado'],
  again: ['Send again', 'Enviar de nuevo'], againAsk: ['Send this again?', '¿Enviar de nuevo?'], againUnknown: ['Look on the phone first: if the message is there, it would arrive twice.', 'Mirá primero en el teléfono: si el mensaje está, llegaría dos veces.'], againText: ['It gets a new id and is sent as a new message.', 'Lleva un identificador nuevo y sale como mensaje nuevo.'],
  // listeners
  listenersLead: ['Callback URLs that get each message, each at its own pace.', 'Direcciones que reciben cada mensaje, cada una a su ritmo.'],
  lag: ['Behind', 'Atraso'], delivered: ['Delivered', 'Entregados'], nextTry: ['Next try', 'Próximo intento'],
  closed: ['works', 'funciona'], ailing: ['last one failed', 'falló la última'], half_open: ['being tried', 'probando'], openCircuit: ['fails', 'falla'], paused: ['paused', 'en pausa'], pause: ['Pause', 'Pausar'], resume: ['Resume', 'Reanudar'],
  addListener: ['Add a listener', 'Agregar un webhook'], url: ['Callback URL', 'Dirección (URL)'], add: ['Add', 'Agregar'], unregister: ['Remove', 'Quitar'], unregisterAsk: ['Stop delivering to {0}?', '¿Dejar de entregar a {0}?'],
  secret: ['Its secret, shown this once: deliveries are signed with it.', 'Su secreto, se muestra solo esta vez: firma cada entrega.'],
  noListeners: ['No program listens by webhook.', 'Ningún programa escucha por webhook.'], noListenersHint: ['Who subscribes to MQTT needs none. Add one for a program that wants an HTTP request for each message.', 'Quien se suscribe por MQTT no necesita ninguno. Agregá uno para un programa que quiera un pedido HTTP por mensaje.'],
  noLetters: ['None: nothing was refused for good.', 'Ninguna: no se rechazó nada en firme.'], wholeItem: ['The whole item', 'El contenido entero'],
  letters: ['Dead letters', 'Entregas rechazadas'], lettersLead: ['What a listener refused for good. Nothing behind them waited.', 'Lo que un webhook rechazó en firme. Nada quedó detenido detrás.'],
  repeat: ['Deliver again', 'Entregar de nuevo'], throwAway: ['Throw away', 'Descartar'], throwAsk: ['Throw this dead letter away?', '¿Descartar esta entrega?'], repeated: ['Delivered.', 'Entregada.'], stillRefused: ['Still refused: {0}', 'Sigue rechazada: {0}'], repeatAll: ['Deliver all again', 'Entregar todas de nuevo'], repeatedMany: ['{0} delivered, {1} still refused.', '{0} entregadas, {1} siguen rechazadas.'],
  // charts
  chartsLead: ['What happened, and how long it took.', 'Qué pasó y cuánto tardó.'], hour: ['Last hour', 'Última hora'], day: ['Last day', 'Último día'],
  throughput: ['Messages', 'Mensajes'], latency: ['Time on the way, in milliseconds', 'Demora en el camino, en milisegundos'], deliveries: ['What became of sends', 'Qué fue de los envíos'], webhooks: ['Webhooks', 'Webhooks'],
  toWhatsapp: ['claim → WhatsApp', 'pedido → WhatsApp'], toMqtt: ['journal → MQTT', 'registro → MQTT'], refusedMany: ['Not delivered', 'Sin entregar'], notRead: ['Delivered', 'Entregados'], readMany: ['Read', 'Leídos'],
  quiet: ['Nothing yet', 'Todavía nada'],
  perMinute: ['per minute', 'por minuto'], perQuarter: ['per quarter of an hour', 'por cuarto de hora'],
  // access
  keys: ['API keys', 'Claves de API'], keysLead: ['Who may call. A key is shown once; only its hash is kept.', 'Quién puede llamar. Una clave se muestra una vez; solo se guarda su huella.'],
  newKey: ['New key', 'Clave nueva'], name: ['Name', 'Nombre'], scopes: ['May', 'Puede'], sendScope: ['send', 'enviar'], listenScope: ['listen', 'escuchar'], adminScope: ['everything', 'todo'], allSessions: ['all sessions', 'todas las sesiones'],
  make: ['Make it', 'Crear'], keyMade: ['Keep it now: it is shown this once.', 'Guardala ahora: se muestra solo esta vez.'], firstKey: ['From the first key on, every program that calls needs one.', 'Desde la primera clave, todo programa que llame necesita una.'],
  revoke: ['Revoke', 'Revocar'], revokeAsk: ['Revoke the key {0}?', '¿Revocar la clave {0}?'], revokeText: ['Programs that use it are refused from now on.', 'Los programas que la usan quedan afuera desde ahora.'], revoked: ['revoked', 'revocada'],
  audit: ['Audit', 'Auditoría'], auditLead: ['What was done, by whom, from where.', 'Qué se hizo, quién y desde dónde.'], when: ['When', 'Cuándo'], who: ['Who', 'Quién'], what: ['What', 'Qué'], where: ['From', 'Desde'],
  noAudit: ['Nothing was done yet.', 'Todavía no se hizo nada.'], noKeys: ['No keys yet: programs on this machine may do everything, others nothing.', 'Todavía no hay claves: los programas de este equipo pueden todo, los demás nada.'],
};

const STATES = {
  starting: ['Starting', 'Iniciando'], connecting: ['Connecting', 'Conectando'], authenticated: ['Logged in', 'Autenticada'], pairing: ['Waiting to be paired', 'Por vincular'], connected: ['Connected', 'Conectada'],
  reconnecting: ['Reconnecting', 'Reconectando'], unreachable: ['WhatsApp not reachable', 'WhatsApp inaccesible'], conflict: ['Open elsewhere', 'Abierta en otro lado'], page_changed: ['WhatsApp Web changed', 'WhatsApp Web cambió'], error: ['Error', 'Error'],
  logged_out: ['Logged out', 'Desvinculada'], stopped: ['Closed', 'Cerrada'], standby: ['Standby', 'En reserva'], offline: ['Offline', 'Fuera de línea'],
};

// Where the bridge's sentence speaks to programs ("Send init"), the page names its own button.
const REASONS_EN = {
  logged_out_on_request: 'Logged out on request. Start it to pair again.', closed_on_request: 'Closed on request; the login is kept. Start it whenever you like.',
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

// The audit's own words for who and what, in Spanish; keys keep the names that people gave them.
const DEEDS_ES = {
  init: 'iniciar', close: 'cerrar', logout: 'desvincular', restart: 'reiniciar', 'create key': 'crear clave', 'revoke key': 'revocar clave', 'bot switch': 'interruptor del bot',
  'register listener': 'registrar webhook', 'unregister listener': 'quitar webhook', 'pause listener': 'pausar webhook', 'resume listener': 'reanudar webhook',
  'log in': 'entrar', 'command line': 'línea de comandos', 'repeat dead letter': 'entregar de nuevo', 'remove dead letter': 'descartar entrega', 'anybody on this machine': 'alguien en este equipo', 'link of wa up': 'enlace de wa up',
};

let spanish = (localStorage.getItem('language') ?? navigator.language).startsWith('es');

export const language = () => (spanish ? 'es' : 'en');
export const locale = () => (spanish ? 'es-AR' : 'en-GB');

export function speak(other) {
  spanish = other === 'es';
  localStorage.setItem('language', other);
}

export const word = (name, ...values) => values.reduce((text, value, at) => text.replace(`{${at}}`, () => value), WORDS[name]?.[+spanish] ?? name);
export const state = (name) => STATES[name]?.[+spanish] ?? name;

// What WhatsApp's page or the system said stands behind the bridge's sentence, in brackets, and is kept as it is.
export function reason(status) {
  const own = (spanish ? REASONS_ES : REASONS_EN)[status.reason];
  return own ? [own, /\. (\(.*\))$/s.exec(status.text)?.[1]].filter(Boolean).join(' ') : status.text;
}

export const deed = (text) => (spanish && DEEDS_ES[text]) || text.replace(/^key /, spanish ? 'clave ' : 'key ');

export function translate(root) {
  document.documentElement.lang = language();
  for (const one of root.querySelectorAll('[data-word]')) one.textContent = word(one.dataset.word);
  for (const one of root.querySelectorAll('[data-label]')) one.setAttribute('aria-label', word(one.dataset.label));
}

export const number = (value) => new Intl.NumberFormat(locale()).format(value);
