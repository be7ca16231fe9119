// Places on the map; `loc` is "name\naddress".

readers.location = (msg) => {
  const [latitude, longitude] = [number(read(msg, "lat")), number(read(msg, "lng"))];
  if (latitude === undefined || longitude === undefined) return {};
  return { location: { latitude, longitude, name: text(read(msg, "loc")) } };
};
