-- 64 bits distinguish two texts of equal raw id and time as well as 256 do, in two thirds of the space.
UPDATE message_keys SET content_hash = substr(content_hash, 1, 16);
-- What a forgotten command left behind had no time, so that it could never be forgotten itself.
UPDATE message_keys SET timestamp = CAST(strftime('%s', 'now') AS INTEGER) WHERE from_me AND timestamp = 0;
