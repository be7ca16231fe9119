// Lists to choose from, and the answers to them.

readers.list = (msg) => {
  const list = read(msg, "list") ?? {};
  return { body: lines(read(list, "title"), read(list, "description")) };
};
readers.list_response = (msg) => {
  const answer = read(msg, "listResponse") ?? {};
  const chosen = read(read(answer, "singleSelectReply") ?? {}, "selectedRowId");
  return { body: text(read(msg, "body")), selection: selectionOf(chosen, read(answer, "title")) };
};
