"""What the writer process decides with, and how other processes reach it."""
