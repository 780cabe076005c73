"""The catalogue: element names, order, cardinality and facets of every message that payswitch reads.

Facts of the ISO 20022 message definitions in this project's own notation (see `notation`). This is not the
official site: iso20022.org is the sole up-to-date source of the standard. `payswitch iso import FILE.xsd`
adds a message or a version.
"""

import os
from functools import cache
from pathlib import Path

from schemas.catalogue import notation
from schemas.catalogue.model import Catalogue

DIRECTORY = Path(__file__).parent
EXTRA_SETTING = "PAYSWITCH_CATALOGUE"
"""Environment variable: a directory in the same notation whose messages are read in addition."""


@cache
def catalogue() -> Catalogue:
    """The catalogue that comes with payswitch, and the one that `PAYSWITCH_CATALOGUE` names."""
    own = notation.read(DIRECTORY)
    extra = os.environ.get(EXTRA_SETTING)
    return own.merged(notation.read(Path(extra))) if extra else own
