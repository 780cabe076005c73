"""The settlement day: windows close, positions are confirmed, money moves between banks, the books follow."""
