"""What happens, when: lifecycle, routing, settlement, the API, the workers and the command line."""
