// The double of WhatsApp Web. It registers modules with the shapes that wa-js looks for, and starts the session.
//
// It never loads wa-js: the driver injects it. To add a group of modules, add its file here.

import './modules/identity.js';
import './modules/login.js';
import './modules/connection.js';
import './modules/linking.js';
import './modules/passkey.js';
import './modules/messages.js';
import './modules/received_media.js';
import './modules/contacts.js';
import './modules/chat_marks.js';
import './modules/profiles.js';
import './modules/contact_presence.js';
import './modules/groups.js';
import './modules/chats.js';
import './modules/calls.js';
import './modules/presence.js';
import './modules/sending.js';
import './modules/acts.js';
import './modules/links.js';
import './modules/opaque_data.js';
import './modules/media.js';
import './modules/unused_stores.js';
import { expose } from './registry.js';
import { showPasskey } from './passkey_screen.js';
import { show } from './screen.js';
import { start } from './session.js';

if (document.documentElement.dataset.worker) void navigator.serviceWorker.register('/sw.js');
expose();
show();
showPasskey();
await start();
