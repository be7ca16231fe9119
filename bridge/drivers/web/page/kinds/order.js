// Orders.

readers.order = (msg) => ({ body: lines(read(msg, "orderTitle"), read(msg, "message")) });
