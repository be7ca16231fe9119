-- Full text of the journal's messages. A row is one message, by the id of its item; it is written after the commit of the
-- item, in order, up to `search_progress.indexed`. Triggers keep it true: whatever deletes or redacts an item does the
-- same here, in the same transaction.
CREATE TABLE search_messages (
    id INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL,
    chat TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    from_me INTEGER NOT NULL,
    text TEXT NOT NULL,
    filename TEXT NOT NULL
);
-- Edits and revocations name their message.
CREATE INDEX search_messages_message ON search_messages (message_id);
CREATE TABLE search_progress (indexed INTEGER NOT NULL);
INSERT INTO search_progress VALUES (0);

-- Results are in the order of arrival, so that no sizes are kept for a ranking.
CREATE VIRTUAL TABLE search_index USING fts5 (
    text, filename, content = 'search_messages', content_rowid = 'id', columnsize = 0,
    tokenize = 'unicode61 remove_diacritics 2'
);
-- Its parts are merged in slices of their own (bridge/store/search.py): by itself FTS5 does that in a commit, for as long as
-- it takes.
INSERT INTO search_index (search_index, rank) VALUES ('automerge', 0), ('crisismerge', 1000);
CREATE TRIGGER search_messages_added AFTER INSERT ON search_messages BEGIN
    INSERT INTO search_index (rowid, text, filename) VALUES (new.id, new.text, new.filename);
END;
CREATE TRIGGER search_messages_removed AFTER DELETE ON search_messages BEGIN
    INSERT INTO search_index (search_index, rowid, text, filename) VALUES ('delete', old.id, old.text, old.filename);
END;
CREATE TRIGGER search_messages_changed AFTER UPDATE OF text, filename ON search_messages BEGIN
    INSERT INTO search_index (search_index, rowid, text, filename) VALUES ('delete', old.id, old.text, old.filename);
    INSERT INTO search_index (rowid, text, filename) VALUES (new.id, new.text, new.filename);
END;

-- The messages of both streams: received ones, and those of the account in events. STX and ETX mark what a search found.
CREATE VIEW search_source AS
SELECT id, json_extract(message, '$.id') AS message_id, json_extract(message, '$.chat') AS chat,
       coalesce(json_extract(message, '$.timestamp'), 0) AS timestamp, from_me,
       replace(replace(coalesce(json_extract(message, '$.body'), ''), char(2), ''), char(3), '') AS text,
       replace(replace(coalesce(json_extract(message, '$.media.filename'), ''), char(2), ''), char(3), '') AS filename
FROM (
    SELECT id, stream = 'event' AS from_me, CASE stream
        WHEN 'in' THEN iif(json_extract(body, '$.type') = 'erased', NULL, body)
        ELSE CASE WHEN json_extract(body, '$.kind') IN ('own_message', 'sent_message') THEN json_extract(body, '$.message') END
    END AS message
    FROM journal WHERE json_valid(body)
) WHERE message IS NOT NULL AND message_id IS NOT NULL AND chat IS NOT NULL;

CREATE TRIGGER search_item_removed AFTER DELETE ON journal BEGIN
    DELETE FROM search_messages WHERE id = old.id;
END;
-- A message whose text came of an erased edit goes with that; an edited one keeps its text, another gets the redacted one.
CREATE TRIGGER search_item_changed AFTER UPDATE OF body ON journal WHEN json_valid(old.body) AND json_valid(new.body) BEGIN
    DELETE FROM search_messages WHERE new.stream = 'event' AND json_extract(old.body, '$.kind') = 'edit'
        AND json_extract(new.body, '$.kind') = 'erased' AND message_id = json_extract(old.body, '$.message_id');
    DELETE FROM search_messages WHERE id = new.id AND NOT EXISTS (SELECT 1 FROM search_source WHERE id = new.id);
    UPDATE search_messages SET (text, filename, chat) = (
        SELECT iif(search_messages.text = replace(replace(
                coalesce(json_extract(old.body, '$.message.body'), json_extract(old.body, '$.body'), ''),
                char(2), ''), char(3), ''), found.text, search_messages.text),
            found.filename, found.chat
        FROM search_source AS found WHERE found.id = new.id
    ) WHERE id = new.id AND (text, filename, chat) NOT IN (SELECT text, filename, chat FROM search_source WHERE id = new.id);
END;
