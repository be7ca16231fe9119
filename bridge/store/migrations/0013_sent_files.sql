-- The files of commands, by their SHA-256, so that they are served as received ones are.
CREATE INDEX commands_file ON commands (substr(content, instr(content, '"sha256":"') + 10, 64))
    WHERE instr(content, '"sha256":"') > 0;
