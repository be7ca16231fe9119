// Locations; `loc` is "name\naddress".

senders.location = (chat, { latitude, longitude, name, address }, options) =>
  WPP.chat.sendLocationMessage(chat, { ...options, lat: latitude, lng: longitude, name, address });

readers.location = (msg) => {
  const [latitude, longitude] = [number(read(msg, "lat")), number(read(msg, "lng"))];
  if (latitude === undefined || longitude === undefined) return {};
  return { location: { latitude, longitude, name: text(read(msg, "loc")) } };
};
