"""Cases: what needs a person has an owner, a deadline and a history, and nobody forgets it."""
