// Locations.

senders.location = (chat, { latitude, longitude, name, address }, options) =>
  WPP.chat.sendLocationMessage(chat, { ...options, lat: latitude, lng: longitude, name, address });

readers.location = (msg) => ({ body: text(read(msg, "comment")) ?? text(read(msg, "loc")), location: placeOf(msg) });
