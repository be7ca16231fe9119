// What WhatsApp allows this account, as the page knows it: the lock of messages to people who never wrote, and the monthly
// number of new chats. Both are kept in the page's own store.

let limits = null;

async function preference(name) {
  try {
    return await window.require("WAWebUserPrefsIndexedDBStorage").userPrefsIdb.get(name);
  } catch {
    return undefined; // a page without it
  }
}

// End of the lock, unix seconds; undefined where there is none.
async function reachOutLock() {
  const until = number((await preference("WAReachoutTimelockState"))?.time_enforcement_ends) / 1000;
  return until > serviceTime() ? until : undefined;
}

async function readLimits() {
  if (!usable()) return;
  const lockedUntil = (await reachOutLock()) ?? null;
  const cap = await preference("WANewChatMessageCappingData");
  const counts = number(cap?.total_quota) > 0 && !(number(cap.cycle_end_timestamp) < serviceTime());
  const newChats = counts && {
    used: number(cap.used_quota),
    total: number(cap.total_quota),
    stage: String(scalar(cap.capping_status) ?? "none").toLowerCase(),
  };
  limits = { lockedUntil, newChats: newChats || null };
}
