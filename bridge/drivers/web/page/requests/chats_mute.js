// Muting. wa-js refuses "for good", so the chat's own mark is asked. It is set only if the service accepts.

const FOR_GOOD = -1;
const muteOf = (chat) => read(chat, "mute") ?? {};

answerers["chats.mute"] = async ({ chat, on, until }) => {
  const known = existingChat(chat);
  if (on && until !== undefined && until <= serviceTime()) throw new Failure("invalid", "until is in the past.");
  const wanted = on ? until ?? FOR_GOOD : 0;
  if ((number(muteOf(known).expiration) ?? 0) === wanted) return;
  const step = { sendDevice: true, showToast: false };
  const call = on ? muteOf(known).mute({ ...step, expiration: wanted, isAutoMuted: false }) : muteOf(known).unmute(step);
  await call.catch((error) => {
    throw refusedBy(error);
  });
  if ((number(muteOf(known).expiration) ?? 0) !== wanted) throw new Failure("refused", "WhatsApp refused it.");
};
