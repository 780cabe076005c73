"""Foundations for all wings: settings, database, logs, metrics, calendars. It imports no other wing."""
