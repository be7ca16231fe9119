-- Files of received messages. `stream` and `seq` are the message's item in the journal, and the row goes with it.
CREATE TABLE media (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    chat TEXT NOT NULL,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    state TEXT NOT NULL,
    sha256 TEXT,
    size INTEGER,
    mimetype TEXT,
    filename TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL
);
CREATE INDEX media_pending ON media (number) WHERE state = 'pending';
CREATE INDEX media_sha256 ON media (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX media_item ON media (stream, seq);
