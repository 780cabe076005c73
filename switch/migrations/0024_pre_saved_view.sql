-- Filters of a list that a person keeps under a name.
CREATE TABLE switch.saved_view (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person text NOT NULL REFERENCES switch.person,
    page   text NOT NULL, -- path of the list
    name   text NOT NULL CHECK (name <> ''),
    query  text NOT NULL, -- its filters, as in the address
    UNIQUE (person, page, name)
);
