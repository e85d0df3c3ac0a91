"""The database: engine and transactions, models' base, and the scope that keeps tenants apart."""

from app.database.engine import Database, Transaction
from app.database.rows import Standing
from app.database.tenancy import Base, Tenant, Tenanted, TenantScopeError
from app.database.types import UtcDateTime, now

__all__ = [
    "Base",
    "Database",
    "Standing",
    "Tenant",
    "TenantScopeError",
    "Tenanted",
    "Transaction",
    "UtcDateTime",
    "now",
]
