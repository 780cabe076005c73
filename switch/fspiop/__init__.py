"""The bridge to Mojaloop: a process that speaks FSPIOP with a DFSP, and is a client of the switch.

It runs beside a DFSP's connector, signs with the DFSP's participant key, and needs what every participant
may use: the API of the switch, by the Python client. Nothing of the switch knows it.
"""
