// Messages with buttons: the text is the caption, even without media. The answers have it in the body.

readers.interactive = (msg) => ({
  body: lines(read(read(msg, "interactiveHeader") ?? {}, "title"), textOf(msg)),
  media: mediaOf(msg),
});
readers.native_flow = readers.interactive;

const idOfFlow = (msg) => attempt(() => JSON.parse(read(msg, "interactivePayload").paramsJson).id);
const chosenId = (msg) => read(msg, "selectedButtonId") ?? read(msg, "selectedId") ?? idOfFlow(msg);
const chosen = (msg) => ({
  body: text(read(msg, "body")),
  selection: selectionOf(chosenId(msg), read(msg, "body")),
});
readers.buttons_response = chosen;
readers.interactive_response = chosen;
readers.template_button_reply = chosen;
