"""Sample events: one for each type, in a folder for each provider."""

from bridge.samples.sample import SAMPLE_SECRET as SAMPLE_SECRET
from bridge.samples.sample import SAMPLE_TIME as SAMPLE_TIME
from bridge.samples.sample import Sample as Sample
from bridge.samples.sample import sample_event as sample_event
from bridge.samples.sample import samples as samples
