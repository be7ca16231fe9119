// Payments; the note is a message inside.

readers.payment = (msg) => ({ body: text(read(read(msg, "paymentNoteMsg") ?? {}, "body")) });
