// What each setting means, in Spanish. English comes with the settings themselves.

export const settingTexts = {
  // The bridge
  WA_CAMPAIGNS_URL: 'Dirección del servicio de campañas, por ejemplo http://127.0.0.1:3015. `wa up` la pone solo. Por'
    + ' omisión no hay campañas.',
  WA_CAMPAIGNS_SECRET: 'Secreto entre el puente y las campañas, el mismo en los dos. Por omisión, WHATSAPP_API_KEY.',
  WA_RESPONDER_URL: 'Dirección del responder, por ejemplo http://127.0.0.1:3013. `wa up` la pone solo. Por omisión el'
    + ' panel no muestra respuestas automáticas.',
  WA_RESPONDER_SECRET: 'Secreto entre el responder y los servicios a su lado, el mismo en todos. Con él, el responder'
    + ' no atiende a nadie sin clave. Por omisión, WHATSAPP_API_KEY o un token de WA_JWT_SECRET.',
  WA_HA: 'on: Home Assistant encuentra cada sesión como un dispositivo de MQTT. off: se quita de ahí.',
  WA_HA_PREFIX: 'Prefijo con el que Home Assistant descubre dispositivos. Las reglas de `wa broker` permiten solo el'
    + ' que viene por omisión.',
  WA_HA_NOTIFY: 'Personas y grupos a los que Home Assistant puede avisar, separados por comas, por ejemplo'
    + ' Ana=5491155500001; un grupo, con su dirección.',
  WA_PACE_BURST: 'Cuántos envíos seguidos se permiten después de una pausa, por sesión y por chat.',
  WA_PACE: 'Ritmo de envío de una sesión. WhatsApp bloquea los números que envían como máquinas: con un número nuevo,'
    + ' despacio. off quita todo límite y es solo para pruebas.',
  WA_PACE_CHAT: 'Ritmo de envío en cada chat.',
  WA_PACE_CHECKS: 'Ritmo de los números que se consultan con contacts.check.',
  WA_PACE_SPACING: 'Segundos que hay como mínimo entre dos envíos.',
  WA_PACE_JITTER: 'Segundos al azar que se agregan, como máximo, a un envío que tuvo que esperar.',
  WA_PACE_NEW: 'Ritmo de los chats nuevos, con quien no escribió en 30 días; cada uno espera hasta la mitad más o'
    + ' menos. Las respuestas no los esperan. off: salen como las respuestas.',
  WA_NEW_PER_DAY: 'Máximo de chats nuevos en 24 horas. Por omisión no hay.',
  WA_QUIET_HOURS: 'Horas en que se retienen los comandos con prioridad bulk, por ejemplo 21:00-09:00. Por omisión no'
    + ' hay.',
  WA_TZ: 'Zona horaria de WA_QUIET_HOURS.',
  WA_BROWSER: 'Ruta de un Chromium. Por omisión, el primero de chromium-headless-shell, chromium y google-chrome que'
    + ' esté instalado.',
  WA_BROWSER_ARGS: 'Más argumentos para Chromium, separados por espacios; por ejemplo --lang=es-AR',
  WA_PROXY: 'Proxy de los navegadores: http://usuario:clave@equipo:puerto, https://… o socks5://equipo:puerto para'
    + ' todas las sesiones, nombre=dirección para una, separados por comas. `wa session set` cambia el de una sesión'
    + ' con el puente en marcha. Los webhooks y los archivos de los comandos no pasan por ahí.',
  WA_BROWSERS_STARTING: 'Cuántos navegadores arrancan a la vez; las demás sesiones esperan su turno, primero las que'
    + ' estaban conectadas. Por omisión, dos por núcleo.',
  WA_BROWSER_MEMORY: 'Memoria que pueden usar todos los navegadores, por ejemplo 3GB; la sesión cuyo navegador no'
    + ' entra espera y lo dice. Por omisión no hay límite.',
  WA_SLEEP_AFTER: 'Tiempo sin mensajes, envíos ni consultas, de 1m a 7d, después del cual una sesión se duerme: se'
    + ' cierra su navegador y no recibe nada hasta que despierta. `wa session set` exceptúa una sesión. off: ninguna.',
  WA_SLEEP_CHECK: 'Cuánto duerme una sesión como máximo (de 1m a 7d) hasta que busca mensajes, que llegan tarde.',
  WA_MQTT_URL: 'Brokers, separados por comas; se prueban en orden. Sin ninguno, uno privado.'
    + ' mqtt://usuario:clave@equipo:1883 mqtts://…:8883 (TLS) ws://…:9001/mqtt wss://…/mqtt. Contiene una clave: una'
    + ' instalación lo guarda en /etc/wa/credentials.',
  WA_MQTT_PREFIX: 'Primeros niveles de cada tema; puede contener /. Las reglas del broker tienen que coincidir: wa'
    + ' broker init --prefix …',
  WA_MQTT_PROTOCOL: '3.1.1 funciona con cualquier broker; 5 agrega temas de respuesta y vencimiento de mensajes.',
  WA_MQTT_CA_FILE: 'Archivo PEM de las autoridades que firman el certificado del broker, si no están en el sistema.',
  WA_SESSIONS: 'Una sesión por número, como nombre=cliente_id, separadas por comas; las rutas sin nombre de sesión'
    + ' usan la primera.',
  WA_DATA_DIR: 'Carpeta de las vinculaciones y los datos, en un disco local.',
  WA_WEB_URL: 'La página que abre el navegador. Solo las pruebas la cambian.',
  WA_JS_FILE: 'Un archivo de wa-js (wppconnect-wa.js) que se usa, sin probarlo antes, en lugar del que viene y del'
    + ' que elige `wa web use`.',
  WA_WEB_VERSION: 'Fija la página de WhatsApp en una guardada, para un día en que la más nueva no funciona: una'
    + ' versión que guardó `wa web page`, o la ruta de un archivo HTML. Por omisión, la que manda el sitio.',
  WA_AVAILABLE: 'on: los contactos ven la cuenta en línea, el teléfono no suena y un envío marca el chat como leído.'
    + ' off: nada de eso; está en línea solo mientras muestra que escribe.',
  WA_REJECT_CALLS: 'on: las llamadas se rechazan apenas suenan. Cualquier otro texto: también, y se le escribe a'
    + ' quien llama.',
  WA_INSTANCE: 'Nombre de este puente en wa/bridge/<nombre>/status. Por omisión, el del equipo.',
  WA_BRIDGES: 'Los puentes que pueden llevar estas sesiones, por su WA_INSTANCE, separados por comas, igual en cada'
    + ' uno; por ejemplo norte,sur. Acuerdan por el broker quién lleva cada una. Por omisión este solo.',
  WA_RETENTION: 'Cuánto se guardan los mensajes recibidos para repetirlos: días y tamaño, lo que se alcance primero.',
  WA_RETENTION_COMMANDS: 'Días que se guardan los ids de los comandos; después, un id repetido se envía otra vez.',
  WA_RETENTION_KEYS: 'Días que se guardan las claves de los mensajes; los más viejos son historia y no se publican.',
  WA_RETENTION_LETTERS: 'Días que se guarda lo que un webhook no recibió, como máximo 10.000 por sesión.',
  WA_RETENTION_AUDIT: 'Días que se guarda la auditoría, como máximo 100.000 líneas.',
  WA_MEDIA: 'Archivos de los mensajes recibidos. auto: se descargan al llegar; ask: cuando se piden con media.get;'
    + ' off: nunca. Los que se ven una sola vez se descargan solo si se piden.',
  WA_MEDIA_TYPES: 'Clases que auto descarga, separadas por comas: image, video, gif, video_note, audio, voice,'
    + ' sticker, document. Por omisión, todas.',
  WA_MEDIA_LIMIT: 'El archivo más grande que se descarga o se envía.',
  WA_MEDIA_STORE: 'Dónde se guardan los archivos: s3://bucket/prefijo?region=us-east-1, con &endpoint=https://… si no'
    + ' es AWS. Por omisión, la carpeta media en WA_DATA_DIR.',
  WA_MEDIA_STORE_KEY: 'Su clave de acceso, como id:secreto. Por omisión, las variables de AWS o el rol del equipo.',
  WA_MEDIA_RETENTION: 'Cuánto se guardan los archivos: días y tamaño de todos, lo que se alcance primero. Un archivo'
    + ' se va también con el último mensaje que lo tiene (WA_RETENTION).',
  WA_MEDIA_INLINE: 'Los archivos más chicos que este tamaño, como máximo 500KB, van también en el evento, en base64.',
  WA_PUBLIC_URL: 'La dirección del servidor HTTP para otros equipos, por ejemplo https://wa.example; con ella'
    + ' empiezan los enlaces a los archivos. Por omisión, aquella en la que escucha.',
  WA_RELEASES: 'Dirección de un JSON que dice cuál es la última versión (info.version, como en los índices de'
    + ' paquetes). El puente la consulta una vez por día, y el panel avisa si hay una más nueva; también `wa doctor`.'
    + ' Por omisión no hay, y no se consulta nada.',
  WA_HTTP_HOST: 'Dirección del servidor HTTP: rutas antiguas, /v1 y panel. Dejalo en este equipo, detrás de nginx.',
  WA_HTTP_PORT: '0 toma un puerto libre; off: sin HTTP ni webhooks.',
  WA_HTTP_RATE: 'Pedidos por clave y por dirección, del puente y del responder; off: sin límite.',
  WA_HTTP_PROXIES: 'Proxies delante del puente y del responder, cuyo X-Forwarded-For dice quién llama: loopback'
    + ' (nginx en este equipo), direcciones, redes, separados por comas. Sin esto solo se ve el proxy.',
  WHATSAPP_API_KEY: 'Clave que los programas antiguos mandan como x-api-key; puede hacer todo. Sin esto ni'
    + ' WA_JWT_SECRET, el puente atiende solo a este equipo. Para crear una: openssl rand -hex 32',
  WA_JWT_SECRET: 'Secreto HS256 de los tokens, de 32 caracteres o más.',
  WA_JWT_AUDIENCE: 'Audiencia (aud) que los tokens tienen que tener.',
  WA_CALLBACK_HOSTS: 'Equipos a los que puede apuntar un webhook: loopback, nombres, direcciones y redes, separados'
    + ' por comas, por ejemplo loopback,10.0.0.0/24,crm.example',
  WA_CALLBACK_TIMEOUT: 'Segundos que se espera la respuesta de un webhook.',
  WA_LEGACY_TIMEOUT: 'Segundos que se espera a un webhook registrado en la ruta antigua, que puede consultar un'
    + ' modelo.',
  WA_LEGACY_GROUPS: 'Si los mensajes de grupos van a los webhooks de la ruta antigua. Los responders viejos'
    + ' contestarían en los grupos.',
  WA_MEDIA_HOSTS: 'Equipos de los que el puente baja los archivos de los comandos: public (toda dirección pública),'
    + ' loopback, nombres, direcciones y redes, separados por comas.',
  WA_DRIVER: 'El camino a WhatsApp: web, o scripted para probar sin navegador.',
  WA_LOG_LEVEL: 'DEBUG escribe los textos de los mensajes en el registro: no en producción.',
  WA_LOG_FORMAT: 'text, o json para máquinas, que es lo que ponen las unidades de systemd.',
  // The responder
  DB_HOST: 'MySQL o MariaDB; sin esto, SQLite en la carpeta de datos.',
  DB_PORT: 'Su puerto.',
  DB_USER: 'Su usuario.',
  DB_PASSWORD: 'La clave de ese usuario.',
  DB_DATABASE: 'La base de datos de la instalación anterior.',
  RESPONDER_HOST: 'Dirección del servidor HTTP del responder.',
  PORT: 'Su puerto; 0 toma uno libre.',
  CLIENTE_ID: 'El cliente (cliente_id) de los mensajes que no traen ninguno.',
  RESPONDER_ACTIVO: 'Interruptor general (true, 1, on, si, yes o false, 0, off, no). Cada cliente tiene además el'
    + ' suyo.',
  RESPONDER_MAX_AGE: 'Los mensajes con más segundos que estos se registran y no se contestan, para que un corte no'
    + ' cause respuestas tardías.',
  ADMIN_NUMBERS: 'Números que pueden dar órdenes por WhatsApp («responder off»), separados por comas.',
  RESPONDER_BLOCKED: 'Números a los que nunca se contesta, separados por comas.',
  RESPONDER_OWN: 'Más números y LIDs que cuentan como menciones de esta cuenta en los grupos, separados por comas. El'
    + ' puente conoce su propia cuenta; un servicio anterior no la informa.',
  RESPONDER_GROUPS: 'Grupos: never (nunca), o mentioned (cuando mencionan la cuenta).',
  RESPONDER_CAPTIONS: 'Si se contesta al texto de las fotos.',
  RESPONDER_IMAGES: 'Si se le muestran las fotos al modelo, que tiene que aceptarlas.',
  RESPONDER_HOURS: 'Horario de atención, por ejemplo lun-vie 09:00-18:00; sab 09:00-13:00. Vacío: siempre. Si hay'
    + ' `hours` en el archivo de reglas, vale eso.',
  RESPONDER_TZ: 'Zona horaria del horario y del modelo.',
  RESPONDER_CLOSED_TEXT: 'Respuesta fuera de horario, una vez por día a cada persona. Vacío: ninguna.',
  RESPONDER_AUTOREPLIES: 'Saludos y avisos de ausencia de WhatsApp Business, separados por |. Cuentan como'
    + ' automáticos, no como una persona que contesta.',
  RESPONDER_GATHER: 'Segundos de silencio que espera una respuesta, para que varios mensajes tengan una sola.',
  RESPONDER_PAUSE: 'Segundos sin respuestas automáticas después de que contestó una persona.',
  RESPONDER_DUPLICATE_WINDOW: 'Segundos en los que un texto que espera respuesta no tiene una segunda, y no se repite'
    + ' una respuesta.',
  RESPONDER_CHAT_BUDGET: 'Respuestas por hora en cada chat: frena a dos bots que se contestan.',
  RESPONDER_TOTAL_BUDGET: 'Respuestas por hora en total.',
  RESPONDER_RETENTION: 'Días que se guardan los registros de mensajes y respuestas (wa_message, wa_turn).',
  RESPONDER_RETENTION_CONVERSATIONS: 'Días que se guardan las conversaciones; 0: para siempre, como antes. Las bajas'
    + ' se guardan siempre.',
  RESPONDER_RULES: 'Reglas (YAML) que contestan antes que el modelo. Por omisión, reglas.yaml en WA_DATA_DIR, que'
    + ' crea el panel; sin eso, las que vienen.',
  OPENAI_API_KEY: 'Clave del modelo; sin ella contestan solo las reglas.',
  OPENAI_BASE_URL: 'Otro servidor con la misma API.',
  OPENAI_MODEL: 'Nombre del modelo.',
  OPENAI_TEMPERATURE: 'Temperatura; el valor por omisión es el de la instalación anterior.',
  OPENAI_MAX_TOKENS: 'Máximo de tokens de una respuesta.',
  OPENAI_MAX_TEXT: 'Máximo de caracteres de un mensaje para el modelo; el resto de uno más largo no va.',
  OPENAI_MAX_PROMPT: 'Máximo de caracteres de todo el pedido al modelo; los mensajes más viejos no van.',
  OPENAI_TIMEOUT: 'Segundos que se espera cada intento.',
  OPENAI_RETRIES: 'Cuántas veces se reintenta.',
  OPENAI_CONCURRENCY: 'Cuántas preguntas van a la vez.',
  OPENAI_PRICE_IN: 'Precio de un millón de tokens de entrada, para contar costos.',
  OPENAI_PRICE_OUT: 'Precio de un millón de tokens de salida.',
  RESPONDER_PROMPT: 'Archivo con el texto del sistema. Por omisión, el que viene.',
  RESPONDER_PROMPT_VARS: 'Valores de las variables {{nombre}} del texto del sistema, por ejemplo negocio=Panadería'
    + ' Sol; zona=Palermo',
  RESPONDER_TRANSCRIBE: 'Nombre del modelo que pasa a texto los mensajes de voz, por ejemplo whisper-1. Vacío:'
    + ' ninguno.',
  RESPONDER_TRANSCRIBE_URL: 'Su servidor, con la API de transcripciones de OpenAI. Por omisión, el del modelo, con su'
    + ' clave.',
  RESPONDER_TRANSCRIBE_KEY: 'Clave de ese servidor, si pide una.',
  RESPONDER_TRANSCRIBE_SECONDS: 'Los mensajes de voz más largos no se pasan a texto.',
  MASSIVE_SENDER_URL: 'Dirección del servicio de envíos anterior.',
  RESPONDER_CALLBACK_URL: 'Dirección en la que ese servicio encuentra al responder.',
  // Campaigns
  WA_CAMPAIGNS_HOST: 'Dirección del servidor HTTP de las campañas. Los programas usan la del puente.',
  WA_CAMPAIGNS_PORT: 'Su puerto; 0 toma uno libre.',
  WA_CAMPAIGNS_RESPONDER: 'El servidor HTTP del responder, por ejemplo http://127.0.0.1:3013: quien se dio de baja'
    + ' ahí cuenta acá.',
  WA_CAMPAIGNS_AHEAD: 'Mensajes de campañas que una sesión aceptó y todavía no envió, como máximo.',
};
