// The stores of the connection: socket, stream, commands, the displayed QR code.

import { socket } from '../socket.js';
import { EventEmitter, Model } from '../model.js';
import { register, use } from '../registry.js';

const VERSION = '2.3000.1042700000';

class ConnModel extends Model {}
class StreamModel extends Model {
  markAvailable() {
    this.available = true;
  }

  markUnavailable() {
    this.available = false;
  }

  // Through the module object, and by the property: wa-js replaces it.
  sendAvailability() {
    const { sendPresenceAvailable, sendPresenceUnavailable } = use('WAWebPresenceChatAction');
    if (this.available) sendPresenceAvailable();
    else sendPresenceUnavailable();
  }
}
class SocketModel extends Model {
  // Not awaited: wa-js listens for Cmd 'logout' only after this has returned.
  logout() {
    void socket.service('logout');
  }

  poke() {}

  takeover() {
    throw new Error('Takeover called without conflict!'); // always: a page takes over by loading
  }
}
class NetworkStatusModel extends Model {
  async checkOnline() {}
}
class CmdImpl extends EventEmitter {
  isMainLoaded = false;

  mainLoaded() {
    this.isMainLoaded = true;
    this.trigger('main_loaded');
  }

  onTemporaryBanFromBridge(ban) {
    this.trigger('account_temporarily_banned_from_bridge', ban);
  }

  onServiceUnavailableFromBridge() {
    this.trigger('service_unavailable_503_from_bridge');
  }

  // Done by the page's interface: answers before it is done.
  async sendRevokeMsgs(chat, { list }) {
    for (const msg of list) void use('SandboxActs').revoke(msg);
  }

  archiveChat(chat, archived) {
    void use('SandboxChats').archiveChat(chat, archived);
  }

  async sendDeleteMsgs(chat, { list }) {
    for (const msg of list) chat.msgs.remove(msg);
  }

  refreshQR() {
    BackendEventBus.trigger('refresh_qr');
  }
}

// `isOfflineDeliveryEnd`: what came while the page was away is in its stores.
export const BackendEventBus = Object.assign(new EventEmitter(), { isOfflineDeliveryEnd: true });
export const Conn = new ConnModel({ ref: undefined, refTTL: undefined, connected: false, platform: 'android', pushname: '' });
export const Stream = new StreamModel({ mode: 'SYNCING', info: 'OPENING', needsUpdate: false, available: true });
// Before its screen is shown, the page announces no change.
Stream.uiActive = false;
Stream.on('change:available', () => {
  if (Stream.uiActive) Stream.sendAvailability();
});
export const Socket = new SocketModel({ state: 'OPENING', stream: 'DISCONNECTED', hasSynced: false });
export const Cmd = new CmdImpl();
const NetworkStatus = new NetworkStatusModel({ online: true });

// The service's clock; the machine's may be wrong.
let offset = 0;
export const setClock = (seconds) => {
  offset = seconds - Date.now() / 1000;
};
export const unixTime = () => Math.floor(Date.now() / 1000 + offset);

const SOCKET_STATE = Object.fromEntries(
  [
    'OPENING', 'PAIRING', 'UNPAIRED', 'UNPAIRED_IDLE', 'CONNECTED', 'CONFLICT', 'UNLAUNCHED', 'PROXYBLOCK', 'TOS_BLOCK',
    'SMB_TOS_BLOCK', 'SCREEN_LOCKED',
  ].map((state) => [state, state]),
);

register({
  WAWebConnModel: { Conn, ConnImpl: ConnModel },
  WAWebStreamModel: { Stream },
  WAWebSocketModel: { Socket },
  WAWebSocketConstants: { SOCKET_STATE, SOCKET_STREAM: {}, WATCHED_SOCKET_STATE: {} },
  WAWebCmd: { Cmd, CmdImpl },
  WAWebNetworkStatus: { default: NetworkStatus },
  WAWebBackendEventBus: { BackendEventBus, BackendEvent: { LOGOUT: 'logout' } },
  WAWebLogoutReason: {
    getErrorCodeFromLogoutReason: () => '0',
    setPrevLogoutReasonCode() {},
    setPrevCustomLogoutMessage() {},
    getPrevLogoutReasonCode: () => null,
    getPrevCustomLogoutMessage: () => null,
  },
  WATimeUtils: { unixTime, unixTimeMs: () => unixTime() * 1000 },
  WAWebBuildConstants: { SANITIZED_VERSION_STR: VERSION, VERSION_STR: VERSION },
  WAWebEventEmitter: { default: EventEmitter },
});

window.Debug = { VERSION };
