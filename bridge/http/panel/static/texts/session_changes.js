// The texts of adding, removing and sleeping sessions, which are added to the words of each language.

export const sessionChanges = {
  en: {
    addSession: 'Add a number',
    addSessionText: 'It starts at once, shows a QR code, and is there after each start of the bridge.',
    sessionName: 'Name: letters, digits, _ and -',
    clientNumber: 'Customer number (cliente_id)',
    sessionOptions: 'Options',
    optionsOf: 'Options of {0}',
    optionsText: 'An empty field changes nothing; “default” is what the bridge’s settings say. A new proxy restarts' +
      ' the browser.',
    proxy: 'Proxy: http://user:password@host:port, socks5://host:port, off',
    sleepAfter: 'Sleeps after this time without work: 30m, 2h, off',
    sleep: 'Sleep',
    sleepAsk: 'Put {0} to sleep?',
    sleepText: 'Its browser closes, which frees memory. Nothing is received until a send or you wake it;' +
      ' then it catches up.',
    removeSession: 'Remove',
    removeSessionAsk: 'Remove {0}?',
    removeSessionText: 'It does not run any more. Its login, messages and commands stay on disk.',
  },
  es: {
    addSession: 'Agregar un número',
    addSessionText: 'Arranca enseguida, muestra un código QR y vuelve con cada inicio del puente.',
    sessionName: 'Nombre: letras, números, _ y -',
    clientNumber: 'Número de cliente (cliente_id)',
    sessionOptions: 'Opciones',
    optionsOf: 'Opciones de {0}',
    optionsText: 'Un campo vacío no cambia nada; «default» es lo que dice la configuración del puente. Con otro proxy' +
      ' el navegador arranca de nuevo.',
    proxy: 'Proxy: http://usuario:clave@equipo:puerto, socks5://equipo:puerto, off',
    sleepAfter: 'Se duerme después de este tiempo sin trabajo: 30m, 2h, off',
    sleep: 'Dormir',
    sleepAsk: '¿Dormir {0}?',
    sleepText: 'Se cierra su navegador y se libera memoria. No recibe nada hasta que la despierte un envío, o vos;' +
      ' entonces se pone al día.',
    removeSession: 'Quitar',
    removeSessionAsk: '¿Quitar {0}?',
    removeSessionText: 'Deja de funcionar. El vínculo, los mensajes y los envíos quedan en el disco.',
  },
};
