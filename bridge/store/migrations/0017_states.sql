-- Changes of state or reason, as they were published. `seen_at`: until when the state is known to have lasted.
CREATE TABLE states (
    number INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    seen_at REAL NOT NULL
);
