"""Changes that need two people: kinds of changes, and how they are requested, approved and executed."""
