"""Participants: onboarding, accounts, keys, limits, corridors, people, and offboarding."""
