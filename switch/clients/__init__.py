"""Clients for integrators: `python` here, TypeScript beside it. They import nothing else of the switch."""
