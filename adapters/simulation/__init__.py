"""Simulated rails: separate processes, each with its own book and the real wire format over a socket."""
