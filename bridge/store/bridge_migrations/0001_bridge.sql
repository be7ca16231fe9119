-- What belongs to no session: who listens, who may call, what admins did. Times are unix seconds.

CREATE TABLE store (
    epoch TEXT NOT NULL,
    created_at REAL NOT NULL
);

-- Cursors are in the store of the session: they move with its journal, and end with its epoch.
CREATE TABLE listeners (
    id TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    url TEXT NOT NULL,
    created_at REAL NOT NULL,
    kinds TEXT NOT NULL,
    chats TEXT,
    groups INTEGER NOT NULL,
    secret TEXT,
    legacy INTEGER NOT NULL,
    start_epoch TEXT,
    start_seq INTEGER,
    start_event_seq INTEGER,
    ended_at REAL,
    UNIQUE (session, url)
);

CREATE TABLE dead_letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    listener_id TEXT NOT NULL,
    session TEXT NOT NULL,
    url TEXT NOT NULL,
    stream TEXT NOT NULL,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    status INTEGER,
    error TEXT NOT NULL,
    at REAL NOT NULL,
    UNIQUE (listener_id, stream, epoch, seq)
);
CREATE INDEX dead_letters_session ON dead_letters (session, number);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    scopes TEXT NOT NULL,
    sessions TEXT,
    created_at REAL NOT NULL,
    revoked_at REAL
) WITHOUT ROWID;

CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    actor TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    session TEXT,
    detail TEXT
);
