"""`/healthz`, `/readyz` and `/metrics`: for supervisors and Prometheus, in no language and about nobody."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterator

from flask import Flask, Response, current_app, jsonify, make_response, request
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from ledger.bootstrap_health import Health, HealthService
from ledger.core.errors import UnavailableError
from web.access import public

OPEN_END = "+Inf"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@public("tells a supervisor that the process answers; says nothing about anybody")
def healthz() -> Response:
    """Alive."""
    return jsonify(status="ok")


@public("tells a supervisor whether visitors are answered rightly; names what is missing, nobody's data")
def readyz() -> tuple[Response, int]:
    """200 when nothing is missing, else 503 with the list. What only needs looking after is no reason for 503."""
    health = current_app.extensions["ledger"].health.look()
    body = {
        "status": "missing" if health.missing else "ready",
        "missing": [str(lack) for lack in health.missing],
        "warnings": [str(lack) for lack in health.warnings],
    }
    return jsonify(body), 503 if health.missing else 200


@public("for Prometheus on this machine, or with the installation's metrics token; anybody else gets 404")
def metrics() -> Response:
    """The figures in Prometheus' text format."""
    settings = current_app.extensions["web-settings"]
    if not (_has_token(settings.metrics_token) or _is_near()):
        return make_response("", 404)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(current_app.extensions["ledger"].health))
    response = make_response(generate_latest(registry))
    response.headers["Content-Type"] = METRICS_TYPE
    return response


def _is_near() -> bool:
    """Asked from this machine itself, not through a proxy on it that speaks for somebody else."""
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _has_token(token: str | None) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return token is not None and hmac.compare_digest(given.encode(), token.encode())


class _Figures(Collector):
    """One look, as Prometheus reads it. Counters come from the database: all processes together."""

    def __init__(self, service: HealthService) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        health = self._service.look()
        yield from _requests(self._service)
        yield from _states(health)
        yield from _ages(health)


def _requests(service: HealthService) -> Iterator[Metric]:
    histogram = HistogramMetricFamily(
        "ecert_http_request_duration_seconds",
        "Answers by endpoint and status.",
        labels=("endpoint", "status"),
    )
    try:
        totals = service.totals()
    except UnavailableError:
        return  # ecert_missing says COUNTERS_DOWN
    for (endpoint, status), answers in sorted(totals.items()):
        running = 0
        buckets = []
        for end, count in zip((*map(str, service.buckets_s), OPEN_END), answers.buckets, strict=True):
            running += count
            buckets.append((end, float(running)))
        histogram.add_metric((endpoint, str(status)), buckets, answers.seconds)
    yield histogram


def _states(health: Health) -> Iterator[Metric]:
    vitals = health.vitals
    for name, about, label, found in (
        ("ecert_jobs_waiting", "Jobs in the outbox.", "kind", vitals.queue),
        ("ecert_jobs_dead", "Dead letters.", "kind", vitals.dead),
        ("ecert_batches", "Batches by state.", "state", vitals.batches),
    ):
        gauge = GaugeMetricFamily(name, about, labels=(label,))
        for key, count in sorted(found.items()):
            gauge.add_metric((key,), count)
        yield gauge
    lacks = GaugeMetricFamily("ecert_missing", "1 for each thing that is missing.", labels=("code", "stops"))
    for lack in health.missing:
        lacks.add_metric((str(lack), "yes"), 1)
    for lack in health.warnings:
        lacks.add_metric((str(lack), "no"), 1)
    yield lacks
    ends = GaugeMetricFamily(
        "ecert_certificate_left_seconds", "Until a certificate in use ends.", labels=("issuer", "key")
    )
    for expiry in vitals.expiries:
        ends.add_metric((expiry.issuer, expiry.key), expiry.seconds)
    yield ends


def _ages(health: Health) -> Iterator[Metric]:
    """One number each; what cannot be told is left out, so that an alarm on absence works."""
    vitals = health.vitals
    lag = None
    if vitals.chain_block is not None and vitals.view_block is not None:
        lag = max(0, vitals.chain_block - vitals.view_block)
    for name, about, value in (
        ("ecert_chain_height", "Newest block of the chain.", vitals.chain_block),
        ("ecert_view_lag_blocks", "Blocks that the view has not taken yet.", lag),
        ("ecert_view_age_seconds", "Since the view was confirmed.", vitals.view_age_s),
        ("ecert_worker_beat_age_seconds", "Since a worker's newest sign of life.", vitals.beat_age_s),
        ("ecert_list_left_seconds", "Until the first published status list ends.", vitals.list_left_s),
        ("ecert_backup_age_seconds", "Since the newest backup.", vitals.backup_age_s),
        ("ecert_disk_free_bytes", "On the disk of the data directory.", vitals.free_bytes),
    ):
        if value is not None:
            yield GaugeMetricFamily(name, about, value=value)
    yield GaugeMetricFamily("ecert_vault_open", "1 while the key store is open.", value=int(vitals.has_vault))
    yield CounterMetricFamily("ecert_status_lists", "Status lists ever published.", value=vitals.lists)


def register(app: Flask) -> None:
    """The three addresses."""
    app.add_url_rule("/healthz", view_func=healthz, methods=["GET"])
    app.add_url_rule("/readyz", view_func=readyz, methods=["GET"])
    app.add_url_rule("/metrics", view_func=metrics, methods=["GET"])
