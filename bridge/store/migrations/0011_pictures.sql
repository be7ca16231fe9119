-- Profile pictures of people and groups, one row for each address that was asked for. `tag` is WhatsApp's mark of the picture.
CREATE TABLE pictures (
    contact TEXT PRIMARY KEY,
    tag TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    mimetype TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX pictures_sha256 ON pictures (sha256);
