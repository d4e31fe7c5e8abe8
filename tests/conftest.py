"""What holds for every test."""

import gc
import os

from hypothesis import settings

# The same examples every time, so that a change is judged by what it changes. To look for new ones:
# HYPOTHESIS_PROFILE=search make test
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# A run holds thousands of samples and messages: going through them all again and again, in the middle of a template's
# 0.3 s too, cut off innocent ones.
gc.set_threshold(200_000, 50, 100)
