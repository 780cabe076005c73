"""What runs: one writer, several API workers, one caretaker, one messenger. They wire everything together."""
