"""Lets the relay of the bad vendor, and no other, give up a call soon: the machine of the good ones may be slow."""

import os
import sys

if sys.orig_argv[-1].startswith("badvendor-"):
    os.environ["TRACKLIB_RELAY__DEADLINE"] = "2"
