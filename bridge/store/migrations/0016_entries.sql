-- Facts about many things, one row for each: of the marks of 10,000 chats, only those that change are written.
CREATE TABLE entries (
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name, key)
) WITHOUT ROWID;
INSERT INTO entries
SELECT 'chat_marks', marks.key, marks.value
FROM facts, json_each(iif(facts.value LIKE '{%', facts.value, '{}')) AS marks WHERE facts.name = 'chat_marks';
UPDATE facts SET value = iif(value LIKE '{%', 'known', '') WHERE name = 'chat_marks';
