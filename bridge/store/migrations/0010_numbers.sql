-- Numbers that were looked up; `chat` is null for one that is not on WhatsApp. Kept for a day at most.
CREATE TABLE numbers (
    number TEXT PRIMARY KEY,
    chat TEXT,
    at REAL NOT NULL
) WITHOUT ROWID;
