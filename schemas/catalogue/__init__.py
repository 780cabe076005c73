"""The catalogue: element names, order, cardinality and facets of every supported message.

Facts of the ISO 20022 message definitions in a notation of this project (see `notation`). This is not the
official source: iso20022.org is the sole up-to-date source of the standard. `payswitch iso import FILE.xsd`
adds a message or a version.
"""

import os
from functools import cache
from pathlib import Path

from schemas.catalogue import notation
from schemas.catalogue.model import Catalogue

DIRECTORY = Path(__file__).parent
EXTRA_SETTING = "PAYSWITCH_CATALOGUE"
"""Environment variable: a directory with additional messages in the same notation."""


@cache
def catalogue() -> Catalogue:
    """The catalogue of payswitch, merged with the one in `PAYSWITCH_CATALOGUE`."""
    own = notation.read(DIRECTORY)
    extra = os.environ.get(EXTRA_SETTING)
    return own.merged(notation.read(Path(extra))) if extra else own
