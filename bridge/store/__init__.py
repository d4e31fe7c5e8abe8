"""Keep events, deliveries and attempts: dedupe, event log and outbox behind one interface."""

from bridge.store.interface import Store as Store
from bridge.store.models import Attempt as Attempt
from bridge.store.models import Backlog as Backlog
from bridge.store.models import Counts as Counts
from bridge.store.models import Delivery as Delivery
from bridge.store.models import Digest as Digest
from bridge.store.models import Entry as Entry
from bridge.store.models import Kept as Kept
from bridge.store.models import LaneRow as LaneRow
from bridge.store.models import Mark as Mark
from bridge.store.models import Memory as Memory
from bridge.store.models import Query as Query
from bridge.store.models import Replayed as Replayed
from bridge.store.models import Reread as Reread
from bridge.store.models import Row as Row
from bridge.store.models import Settlement as Settlement
from bridge.store.models import StoreRefused as StoreRefused
from bridge.store.models import StoreUnavailable as StoreUnavailable
from bridge.store.models import Story as Story
from bridge.store.models import Told as Told
from bridge.store.models import Window as Window
from bridge.store.open import open_store as open_store
from bridge.store.open import store_url_fault as store_url_fault
