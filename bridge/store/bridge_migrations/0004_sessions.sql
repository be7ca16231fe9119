-- Sessions that were added or removed while a bridge ran. cliente_id is NULL for a removed one: WA_SESSIONS, which may
-- still name it, does not bring it back.
CREATE TABLE sessions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    cliente_id INTEGER
);
