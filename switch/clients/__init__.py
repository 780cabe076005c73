"""Clients for integrators: `python`, and `typescript` for npm. They import nothing else of the switch."""
