"""The processes: one writer, several API workers, one caretaker."""
