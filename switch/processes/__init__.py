"""The processes: one writer, several API workers, one caretaker, one messenger. They wire up all parts."""
