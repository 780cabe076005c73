"""The writer process: its decisions, and the commands by which other processes reach it."""
