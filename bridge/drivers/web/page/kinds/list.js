// Lists to choose from, and the answers to them.

readers.list = (msg) => {
  const list = read(msg, "list") ?? {};
  return { body: lines(read(list, "title"), read(list, "description")) };
};
readers.list_response = (msg) => ({ body: text(read(msg, "body")) });
