-- Why the last post of a dead letter got no answer: a code, so that it can be shown in any language.
ALTER TABLE dead_letters ADD COLUMN failure TEXT;

-- The last day of each session, for charts: a row a minute in which something happened, counts as JSON.
CREATE TABLE minutes (
    session TEXT NOT NULL,
    minute INTEGER NOT NULL,  -- unix seconds / 60
    counts TEXT NOT NULL,
    PRIMARY KEY (session, minute)
) WITHOUT ROWID;
