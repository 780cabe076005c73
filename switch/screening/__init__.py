"""Screening: whether a party of a payment is on a sanctions list, across spellings and scripts."""
