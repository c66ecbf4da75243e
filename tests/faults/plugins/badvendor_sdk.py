"""What stands for a vendor's SDK: it is imported in relays, or it is a mistake."""

import os
from pathlib import Path

FAULT = Path(f"{os.environ['BADVENDOR_PLACE']}.fault").read_text()

if FAULT == "import":
    raise RuntimeError("the bad SDK cannot be imported")
