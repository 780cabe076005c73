"""Changes that take two people: what a kind of change is, and how one is requested, approved and executed."""
