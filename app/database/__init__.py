"""The database: engine and transactions, models' base, and the scope that keeps tenants apart."""

from app.database.begun import HoldsTransaction, check_holds_none
from app.database.engine import Database, HoldsWriter, check_holds_no_writer
from app.database.facts import Actor, Fact, FactError, Follower, Followers, LogEntry, Partial, Showing, Shown, Unlogged
from app.database.fast.joined import ChangedObject, NewObject, NewRows
from app.database.fast.queries import PreparedChange, PreparedCopy, PreparedSelect, fill_up
from app.database.tenancy import Base, Tenant, Tenanted, TenantScopeError
from app.database.transaction import Transaction
from app.database.types import UtcDateTime, now, partial_index

__all__ = [
    "Actor",
    "Base",
    "ChangedObject",
    "Database",
    "Fact",
    "FactError",
    "Follower",
    "Followers",
    "HoldsTransaction",
    "HoldsWriter",
    "LogEntry",
    "NewObject",
    "NewRows",
    "Partial",
    "PreparedChange",
    "PreparedCopy",
    "PreparedSelect",
    "Showing",
    "Shown",
    "Tenant",
    "TenantScopeError",
    "Tenanted",
    "Transaction",
    "Unlogged",
    "UtcDateTime",
    "check_holds_no_writer",
    "check_holds_none",
    "fill_up",
    "now",
    "partial_index",
]
