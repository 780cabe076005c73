"""Rail adapters: one package for each country, with its profile, messages, client and simulator."""
