-- What was set for one session at run time. NULL: as the settings say. proxy is an address, with its password, or 'off';
-- sleep_after is a duration such as '2h', or 'off'.
CREATE TABLE session_options (
    name TEXT PRIMARY KEY,
    proxy TEXT,
    sleep_after TEXT
) WITHOUT ROWID;
