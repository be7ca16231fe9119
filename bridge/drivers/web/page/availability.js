// Whether contacts see the account as online. A page counts as watched for about 90 seconds after a load: meanwhile the
// phone does not ring, and WhatsApp sends read receipts for each send. So the page is marked as not watched, in each load.

const signs = new Map(); // chat -> its typing indicator that is shown
const followed = new Map(); // address -> the timer that ends its subscription, the same for each address of a person
let settled = false;

// Called before the first send of a load.
function settleAvailability() {
  if (settled) return;
  settled = true;
  WPP.conn.markAvailable(showsOnline).catch(() => undefined);
  announceAvailability(showsOnline); // the page itself announces a change only while its screen is shown
}

function announceAvailability(online) {
  const presence = read(WPP.whatsapp, "ChatPresence");
  attempt(() => (online ? presence.sendPresenceAvailable() : presence.sendPresenceUnavailable()));
}

// "typing…" is shown only of an account that is online: for its length, the service takes it as that. The page stays marked as
// not watched, or it would send the read receipts that it owes.
async function showSign(chat, seconds) {
  const sign = {};
  signs.set(chat, sign);
  announceAvailability(true);
  await WPP.chat.markIsComposing(chat, Math.round(seconds * 1000)).catch(() => undefined); // returns at its end
  endSign(chat, sign);
}

function endSign(chat, sign) {
  if (signs.get(chat) !== sign) return; // replaced by a newer one
  signs.delete(chat);
  endShowing();
}

function endShowing() {
  if (!signs.size && !followed.size && !showsOnline) announceAvailability(false);
}

// WhatsApp shows the presence of others only to an account that is online, too.
function follow(forms, seconds) {
  const timer = setTimeout(() => endFollowing(forms), seconds * 1000);
  for (const form of forms) followed.set(form, timer);
  announceAvailability(true);
}

function endFollowing(forms) {
  for (const form of forms) {
    clearTimeout(followed.get(form));
    followed.delete(form);
  }
  endShowing();
}

const isFollowed = (id) => [id, ...Object.values(aliases(id))].some((form) => followed.has(form));
