"""Participants: how they come, what they may use, how they go."""
