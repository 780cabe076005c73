"""Foundations for all layers: settings, database, logs, metrics, calendars. It imports no other layer."""
