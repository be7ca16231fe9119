-- When a reader came so far: the time of PUBACKs and of deliveries, for `wa trace`. As old as the journal's items.
CREATE TABLE moves (
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    reader TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (stream, seq, reader)
) WITHOUT ROWID;
