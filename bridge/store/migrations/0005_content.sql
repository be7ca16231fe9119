-- A command carries content of any kind: the content field as JSON, `{"message": …}` for a text; '' once it is erased.
ALTER TABLE commands RENAME COLUMN text TO content;
UPDATE commands SET content = json_object('message', content) WHERE content <> '';
