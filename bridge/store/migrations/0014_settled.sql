-- What a reader has beyond its cursor: webhooks deliver the chats beside each other.
CREATE TABLE settled (
    reader TEXT NOT NULL,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (reader, stream, seq)
) WITHOUT ROWID;
