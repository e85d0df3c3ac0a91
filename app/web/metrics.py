"""Counters for Prometheus."""

import os

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

# Set by the supervisor of several workers, before they start.
SHARED = "PROMETHEUS_MULTIPROC_DIR" in os.environ

REQUESTS = Histogram("mutirao_request_seconds", "Time to the answer's first byte", ["method", "status"])
SOCKETS = Gauge("mutirao_sockets", "Open sockets", multiprocess_mode="livesum")
STREAMS = Gauge("mutirao_streams", "Open streams of programs", multiprocess_mode="livesum")
GATEWAY_SOCKETS = Gauge("mutirao_gateway_sockets", "Open sockets of the gateway", multiprocess_mode="livesum")
PROGRAM_CALLS = Counter("mutirao_program_calls", "Calls of programs, streams and polls among them")
EVENTS = Counter("mutirao_events", "Logged events that this process delivered")
DELIVERIES = Counter("mutirao_deliveries", "Frames written to sockets")
RESUMES = Counter("mutirao_resumes", "Hellos answered", ["how"])
REFUSALS = Counter("mutirao_refusals", "Sockets and subscriptions refused", ["reason"])
SLOW_CLOSES = Counter("mutirao_slow_closes", "Sockets dropped because their reader was too slow")
PUBLISH_TO_WRITTEN = Histogram(
    "mutirao_publish_to_written_seconds",
    "From the commit of an event to the write of its frame to the last socket",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1),
)


def read_counters() -> CollectorRegistry:
    """What is counted: by this process, or by all workers together."""
    if not SHARED:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
