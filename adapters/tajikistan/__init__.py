"""Tajikistan: the national processing of Korti Milli. ISO 8583 over TCP, four ASCII digits of length."""
