-- What a key of an agent may do, as JSON; NULL: an ordinary key, which has scopes.
ALTER TABLE api_keys ADD COLUMN agent TEXT;

-- What agents want to send. `command` is the id of the send: a repeated claim of an approved one sends it once.
CREATE TABLE proposals (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    key_id TEXT NOT NULL,
    id TEXT NOT NULL,
    command TEXT NOT NULL,
    chat TEXT NOT NULL,
    text TEXT NOT NULL,
    state TEXT NOT NULL,
    at REAL NOT NULL,
    expires_at REAL NOT NULL,
    decided_at REAL,
    decided_by TEXT,
    claimed INTEGER NOT NULL DEFAULT 0,
    refusal TEXT,
    UNIQUE (session, key_id, id)
);
CREATE INDEX proposals_state ON proposals (state, claimed);

-- Encrypts the cursors of agents, which would otherwise count the messages of other chats.
CREATE TABLE agent_secret (key BLOB NOT NULL);
INSERT INTO agent_secret VALUES (randomblob(32));
