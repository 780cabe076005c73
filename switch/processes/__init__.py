"""The processes: one writer, API workers, pages, one caretaker, one messenger. They wire up all parts."""
