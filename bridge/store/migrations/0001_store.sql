-- One session: received items, commands to send, and the cursors of readers. Times are unix seconds.

CREATE TABLE store (
    epoch TEXT NOT NULL,
    created_at REAL NOT NULL
);

-- Both streams in one table: arrival order across them is what retention by size needs.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    chat TEXT,
    size INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (stream, seq)
);

-- Numbers must not start again when a stream was emptied, so they are not taken from the rows.
CREATE TABLE streams (
    stream TEXT PRIMARY KEY,
    last INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;

-- Outlives the rows of `journal`. A raw id is chosen by the sender's client, so it does not identify a message alone.
CREATE TABLE message_keys (
    raw_id TEXT NOT NULL,
    from_me INTEGER NOT NULL,
    chat TEXT NOT NULL,
    author TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    type TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    PRIMARY KEY (raw_id, from_me, chat, author)
) WITHOUT ROWID;

CREATE TABLE aliases (
    lid TEXT NOT NULL,
    pn TEXT NOT NULL,
    first_seen REAL NOT NULL,
    PRIMARY KEY (lid, pn)
) WITHOUT ROWID;
CREATE INDEX aliases_pn ON aliases (pn);

CREATE TABLE watermarks (
    chat TEXT PRIMARY KEY,
    timestamp INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE cursors (
    reader TEXT NOT NULL,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (reader, stream)
) WITHOUT ROWID;

-- Notices and events that are reported once, however often they occur.
CREATE TABLE told_once (
    subject TEXT NOT NULL,
    key TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (subject, key)
) WITHOUT ROWID;

CREATE TABLE commands (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    "to" TEXT NOT NULL,
    text TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    priority TEXT NOT NULL,
    claimed_at REAL NOT NULL,
    expires_at REAL,
    reply_client TEXT,
    "transaction" TEXT,
    meta TEXT,
    topic TEXT,
    payload_sha256 TEXT,
    packet_id INTEGER,
    connection INTEGER,
    state TEXT NOT NULL,
    open INTEGER NOT NULL,
    chat TEXT,
    message_id TEXT,
    raw_id TEXT,
    error_code TEXT,
    error_text TEXT,
    changed_at REAL NOT NULL
);
CREATE INDEX commands_open ON commands (number) WHERE open;
CREATE INDEX commands_final ON commands (changed_at) WHERE NOT open;
CREATE INDEX commands_raw_id ON commands (raw_id) WHERE raw_id IS NOT NULL;
CREATE INDEX commands_origin ON commands (payload_sha256, packet_id, connection) WHERE payload_sha256 IS NOT NULL;

CREATE TABLE notices (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    leaf TEXT NOT NULL,
    body TEXT NOT NULL,
    reply_client TEXT,
    published_at REAL
);
CREATE INDEX notices_unpublished ON notices (number) WHERE published_at IS NULL;
CREATE INDEX notices_published ON notices (published_at) WHERE published_at IS NOT NULL;

CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
