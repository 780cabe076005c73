"""The certification kit: a bank checks its own client against a switch whose rails are simulated.

The kit stands between the client and the switch. It asks the client for one thing after another (by a driver
of the bank, or by a person who reads the task), observes each request, disturbs the exchange where the
scenario says so, and compares what the client did, and what it believes, with the truth of the switch.

`observing` is the place in between, `driving` asks the client, `scenarios` are what is asked, `running` runs
them, `record` keeps the results, and `driver` is the reference: a driver of our own Python client.
"""

from typing import Final

KIT: Final = 2
"""Version of the kit: a scenario that is added, or asks for more, makes a new one."""
