-- What exactly is invalid, or why the outcome is unknown: a code, so that it can be shown in any language.
ALTER TABLE commands ADD COLUMN error_detail TEXT;
