// Live locations, as they were at the start: the page announces no move.

readers.live_location = (msg) => ({ body: text(read(msg, "comment")), location: placeOf(msg) });
