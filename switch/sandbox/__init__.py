"""The sandbox: test participants, people and corridors. Never with real money."""
