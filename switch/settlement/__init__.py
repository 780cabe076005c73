"""The settlement day: windows close, positions are confirmed, banks settle, and the books are updated."""
