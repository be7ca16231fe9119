-- When a command may be sent at the earliest; and when it was sent as a first message, to a person who had not written.
ALTER TABLE commands ADD COLUMN send_at REAL;
ALTER TABLE commands ADD COLUMN first_at REAL;
CREATE INDEX commands_first ON commands (first_at) WHERE first_at IS NOT NULL;
