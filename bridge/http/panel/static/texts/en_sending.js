// What the panel says of budgets, waits and cancelling.

// Words of `words`.
export const sending = {
  answersLeft: 'Answers you can send now',
  firstLeft: 'New chats you can start now',
  firstToday: 'New chats in 24 h',
  ofPerDay: '{0} of {1}',
  nextAt: 'next',
  noLimit: 'no limit',
  quietUntil: 'Quiet hours: bulk messages wait until {0}.',
  lockedUntil: 'WhatsApp lets no new chats begin until {0}. Answers go on.',
  newChats: 'New chats as WhatsApp counts them: {0} of {1}.',
  cancelSend: 'Cancel send',
  cancelSendAsk: 'Cancel this send?',
  cancelSendText: 'If it has not left yet, it is not sent.',
  aboutAt: '{0}, about {1}',
};

// What an accepted command waits for, by `waits.reason`.
export const waits = {
  not_connected: 'Waits for the connection to WhatsApp',
  chat_pace: 'Waits for the pace of this chat',
  session_pace: 'Waits for the pace of the session',
  earlier_message: 'Waits for the message before it in this chat',
  file: 'Waits for its file', retry: 'Waits for the next attempt',
  reach_out_lock: 'Waits until WhatsApp allows new chats again',
  first_message_pace: 'Waits for the pace of new chats',
  first_messages_per_day: 'Waits for the daily number of new chats',
  send_at: 'Waits for its time',
  quiet_hours: 'Waits for the end of the quiet hours',
};
