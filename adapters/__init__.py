"""How a country says it: one package a rail, each with its profile, messages, client and simulator."""
