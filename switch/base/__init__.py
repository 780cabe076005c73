"""What every part needs: settings, database, logs, metrics, calendars. It imports no other part."""
