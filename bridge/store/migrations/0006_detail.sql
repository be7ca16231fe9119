-- What exactly is invalid, or why the outcome is unknown: a code, so that it can be shown in any language.
ALTER TABLE commands ADD COLUMN error_detail TEXT;
-- Rows of the versions before, by the sentences that they stored.
UPDATE commands SET error_detail = CASE
    WHEN error_text LIKE 'The message may have left before the connection broke%' THEN 'connection_lost'
    WHEN error_text LIKE 'WhatsApp Web shows an error%' THEN 'error_shown'
    WHEN error_text LIKE 'WhatsApp has not confirmed the message in time%' THEN 'not_confirmed'
    WHEN error_text LIKE 'It was open when the store was restored%' THEN 'left_open'
END WHERE state = 'unknown';
