"""Statistics over years: facts by hour and day, which the caretaker adds up from the log."""
