"""Store events, deliveries and attempts: dedupe, event log and outbox behind one interface."""

from bridge.store.interface import Store as Store
from bridge.store.models import AcceptResult as AcceptResult
from bridge.store.models import Attempt as Attempt
from bridge.store.models import Backlog as Backlog
from bridge.store.models import Counts as Counts
from bridge.store.models import Cursor as Cursor
from bridge.store.models import DedupeKey as DedupeKey
from bridge.store.models import Delivery as Delivery
from bridge.store.models import DeliveryHistory as DeliveryHistory
from bridge.store.models import DeliveryResult as DeliveryResult
from bridge.store.models import DeliveryRow as DeliveryRow
from bridge.store.models import DestinationState as DestinationState
from bridge.store.models import Digest as Digest
from bridge.store.models import EventHistory as EventHistory
from bridge.store.models import GroupKey as GroupKey
from bridge.store.models import NewEvent as NewEvent
from bridge.store.models import Query as Query
from bridge.store.models import RepeatWindow as RepeatWindow
from bridge.store.models import ReplayResult as ReplayResult
from bridge.store.models import StoredDelivery as StoredDelivery
from bridge.store.models import StoreRefusedError as StoreRefusedError
from bridge.store.models import StoreUnavailableError as StoreUnavailableError
from bridge.store.open import open_store as open_store
from bridge.store.open import store_url_problem as store_url_problem
