-- One row per address that a person was seen under; `key` is the form in which addresses are compared.
CREATE TABLE people (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL,
    person TEXT NOT NULL
);
CREATE INDEX people_person ON people (person);

-- The pairs known so far: a LID has one owner for good, a number may have had several, the last one counts.
INSERT INTO people (key, address, person)
    SELECT lid, lid, lower(hex(randomblob(8))) FROM aliases GROUP BY lid ORDER BY min(first_seen);
INSERT INTO people (key, address, person)
    SELECT canonical_address(aliases.pn), aliases.pn, people.person
    FROM aliases JOIN people ON people.key = aliases.lid WHERE true ORDER BY aliases.first_seen
    ON CONFLICT (key) DO UPDATE SET address = excluded.address, person = excluded.person;
