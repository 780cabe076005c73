"""The sandbox: made-up participants, people and corridors. Never with real money."""
