"""China: IBPS and HVPS of CNAPS. A `{H:` header and XML in ISO's dialect of 2009; three confirmations."""

from adapters.china import sandbox
from adapters.china.client import adapter
from adapters.china.profile import PROFILE

__all__ = ["PROFILE", "adapter", "sandbox"]
