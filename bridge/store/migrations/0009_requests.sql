-- Requests that change something, claimed like commands. `response` is null until it is known; `arguments` is '' once erased.
CREATE TABLE requests (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    action TEXT NOT NULL,
    arguments TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    claimed_at REAL NOT NULL,
    reply_client TEXT,
    correlation BLOB,
    "transaction" TEXT,
    topic TEXT,
    payload_sha256 TEXT,
    packet_id INTEGER,
    connection INTEGER,
    response TEXT,
    changed_at REAL NOT NULL
);
CREATE INDEX requests_open ON requests (number) WHERE response IS NULL;
CREATE INDEX requests_final ON requests (changed_at) WHERE response IS NOT NULL;
CREATE INDEX requests_origin ON requests (payload_sha256, packet_id, connection) WHERE payload_sha256 IS NOT NULL;
