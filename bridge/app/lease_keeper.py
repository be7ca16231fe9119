"""The lease of one session over the broker: claims, renews and releases it, and ends the session without it.

The rules are `core/lease.py`. This file carries claims, asks for the time, and moves the watchdog's deadline.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError
from typing_extensions import override

from bridge.app.clock import boot_time
from bridge.app.identity import of_same_directory
from bridge.app.ownership import Ownership
from bridge.app.standby_watch import watch_owner
from bridge.app.watchdog import Watchdog
from bridge.broker import BrokerConnection, BrokerError, BrokerOptions, keep_connected
from bridge.contract.backoff import Backoff
from bridge.contract.errors import InvalidRequest
from bridge.contract.leases import ClaimState, LeaseClaim
from bridge.contract.payload import instant
from bridge.contract.session import Reason, SessionState, Situation
from bridge.core.foreign_commands import ForeignCommands
from bridge.core.lease import LeaseRole, LeaseTimes, OwnerClaim, SessionLease, may_claim, placement
from bridge.mqtt import MqttOptions
from bridge.ops.private_broker.address_file import write_private
from bridge.ports import Clock, LoginFiles

_log = logging.getLogger(__name__)
#: Seconds between two looks at the lease, and for a released claim to reach the broker.
TICK, RELEASE = 0.1, 2.0
#: The file in a session's folder that names another bridge which had the session after this one's store was last open.
OTHER_BRIDGE = "other-bridge"
#: Short pauses: an owner must be back at a restarted broker before another counts to the end.
_RECONNECT = Backoff(0.3, 2.0, jitter=0.5, reset_after=10.0)


class LeaseKeeper(Ownership):
    """Ownership of a session that several bridges may run."""

    def __init__(
        self,
        session: str,
        folder: Path,
        bridges: tuple[str, ...],
        mqtt: MqttOptions,
        clock: Clock,
        leaving: asyncio.Event,
        *,
        login: LoginFiles | None,
        watchdog: Watchdog | None,
        times: LeaseTimes,
    ) -> None:
        self._session = session
        self._login = login
        self._profile = (folder / login.folder).absolute() if login else None
        self._watchdog = watchdog
        self._order = placement(session, bridges)
        self._mqtt = mqtt
        self._clock = clock
        self._leaving = leaving
        self._times = times
        self._lease = SessionLease(mqtt.owner, self._order, times)
        self._connection: BrokerConnection | None = None
        self._publishing: set[asyncio.Task[None]] = set()
        self._driving = False  # the session's service runs, or ends: no claim until it has ended
        self._allowed_until = 0.0
        self._requested_until = self._eligible_at = float("-inf")
        self._hand_over_to: str | None = None
        self.pause = TICK
        self._other_bridge = folder / OTHER_BRIDGE
        self.interrupted = self._other_bridge.exists()
        self.noted = ForeignCommands(session)
        self._noting: asyncio.Task[None] | None = None

    @property
    def _has_login(self) -> bool:
        return self._login is None or self._profile is None or self._login.is_paired(self._profile)

    @override
    def holds(self) -> bool:
        return self._lease.holds(boot_time())

    @property
    @override
    def hurry(self) -> float | None:
        if not self._lease.must_close(boot_time()):
            return None
        return self._times.closing / 4 if self.holds() else 0.0

    @override
    async def may_connect(self) -> bool:
        return self.holds()

    @override
    async def elsewhere(self, *, in_standby: bool) -> Situation | None:
        if self.holds():
            if not self._driving:
                self._driving, self._requested_until = True, float("-inf")
                await self._allow(self._lease.ends_at)
                await self._end_noting()
            return None
        if self._noting is None:
            if not self.interrupted:
                self.noted.clear()
            options = self._options("watch")
            watching = watch_owner(self._session, self.noted, options, self._mqtt.topics)
            self._noting = asyncio.create_task(watching, name=f"watch {self._session}")
        return self._waiting()

    def _waiting(self) -> Situation:
        last = self._lease.last
        handed = last.to if last is not None and last.to else None
        other = None if last is None or last.owner == self._mqtt.owner else last.owner
        if not self._has_login and not self._may_claim:
            detail = f"{other} ran it last" if other else f"{self._order[0]} is to run it" if last is None else None
            return Situation(SessionState.STANDBY, Reason.LOGIN_MISSING, detail)
        if handed is not None and not self._may_claim:
            return Situation(SessionState.STANDBY, Reason.OWNED_ELSEWHERE, f"handed over to {handed}")
        if other is None or self._connection is None:
            detail = "no broker answers" if self._connection is None else None
            return Situation(SessionState.STANDBY, Reason.WAITING_FOR_LEASE, detail)
        return Situation(SessionState.STANDBY, Reason.OWNED_ELSEWHERE, other)

    @override
    async def taken_over(self) -> None:
        self.interrupted = False
        try:
            await asyncio.to_thread(self._other_bridge.unlink, missing_ok=True)
        except OSError as error:  # at the next start, open commands become `unknown` once more
            _log.warning("%s: %s could not be deleted: %s", self._session, self._other_bridge, error)

    @override
    async def left(self, *, failed: bool) -> None:
        """Give the claim up, if it was used. After a failure, another bridge may claim first."""
        if not self._driving:
            return
        to, self._hand_over_to = self._hand_over_to, None
        if failed:
            self._eligible_at = boot_time() + self._times.duration
        claim = self._lease.release(to)
        try:
            await self._allow(boot_time())
        except OSError as error:
            _log.error("%s: the watchdog does not start: %s", self._session, error)
        if self._publishing:  # a renewal that is on its way must not arrive after the release
            await asyncio.wait(self._publishing, timeout=RELEASE)
        if claim is not None and self._connection is not None:
            with suppress(BrokerError, TimeoutError):
                async with asyncio.timeout(RELEASE):
                    await self._publish(self._connection, claim)
        self._driving = False

    @override
    def hand_over(self, to: str) -> bool:
        if to not in self._order:
            raise InvalidRequest(f"{to} is none of the bridges in WA_BRIDGES: {', '.join(sorted(self._order))}.")
        if to == self._mqtt.owner.rpartition(":")[0]:
            if not self._driving:
                self._requested_until = boot_time() + self._times.request
            return self._driving
        if not self._driving:
            return False
        self._hand_over_to = to
        self._leaving.set()
        return True

    @override
    async def run(self) -> None:
        """Keep connection and claim until cancelled, through failures: without claims the session ends by itself."""
        try:
            while True:
                try:
                    await self._run()
                except* Exception:  # noqa: BLE001 - the lease ends in time, and the session with it
                    _log.exception("%s: the lease failed", self._session)
                await asyncio.sleep(1.0)
        finally:
            await self._end_noting()

    async def _run(self) -> None:
        options = self._options("lease")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep(), name=f"lease {self._session}")
            while True:  # `keep_connected` returns only when its use does
                await keep_connected(options, self._serve, on_down=self._down, backoff=_RECONNECT)

    def _options(self, purpose: str) -> BrokerOptions:
        name = self._mqtt.of_session(self._session, self._clock).client_id
        mark = self._mqtt.owner.rpartition(":")[2]
        return replace(self._mqtt.broker, client_id=f"{name}-{purpose}-{mark}", clean=True, will=None)

    async def _end_noting(self) -> None:
        noting, self._noting = self._noting, None
        if noting is not None:
            noting.cancel()
            await asyncio.wait([noting])

    async def _serve(self, connection: BrokerConnection) -> None:
        await connection.subscribe(self._mqtt.topics.lease(self._session))
        self._lease.connected(boot_time())
        self._connection = connection
        try:
            async for delivery in connection.deliveries():
                connection.acknowledge(delivery)
                claim = _parse(delivery.payload)
                if claim is not None:
                    self._lease.heard(claim, boot_time())
                    await self._look()
        finally:
            self._connection = None
            self._lease.disconnected()

    async def _keep(self) -> None:
        while True:
            now = boot_time()
            eligible = not self._driving and self._may_claim and now >= self._eligible_at
            claim = self._lease.step(now, eligible=eligible)
            if claim is not None and claim.renewal == 0:
                await self._note_other(self._lease.before)
                if self._lease.role is LeaseRole.WATCHING:  # another claim came meanwhile
                    self._lease.dropped(claim)
                    claim = None
            if claim is not None and self._connection is not None:
                publishing = asyncio.create_task(
                    self._publish_if_up(self._connection, claim), name=f"claim {self._session}"
                )
                self._publishing.add(publishing)
                publishing.add_done_callback(self._publishing.discard)
            await self._look()
            await asyncio.sleep(TICK)

    async def _look(self) -> None:
        """After anything that may have changed the claim."""
        if not self._driving:
            return
        await self._allow(self._lease.ends_at)
        if self._lease.must_close(boot_time()) and not self._leaving.is_set():
            _log.warning("%s: this bridge could not renew its claim, or lost it; closing the session", self._session)
            self._leaving.set()

    async def _allow(self, until: float) -> None:
        if self._watchdog is not None and self._profile is not None and until != self._allowed_until:
            await self._watchdog.allow(self._profile, until)
            self._allowed_until = until

    async def _note_other(self, before: str | None) -> None:
        """Remember, over restarts, that another bridge has had the session, until the store has taken that over."""
        if before is None or of_same_directory(before, self._mqtt.owner) or self.interrupted:
            return
        self.interrupted = True
        try:
            self._other_bridge.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            await asyncio.to_thread(write_private, self._other_bridge, f"{before}\n")
        except OSError as error:
            _log.warning("%s: %s could not be written: %s", self._session, self._other_bridge, error)

    @property
    def _may_claim(self) -> bool:
        return may_claim(
            self._lease.last,
            owner=self._mqtt.owner,
            order=self._order,
            has_login=self._has_login,
            requested=boot_time() < self._requested_until,
        )

    async def _publish_if_up(self, connection: BrokerConnection, claim: OwnerClaim) -> None:
        try:
            await self._publish(connection, claim)
        except BrokerError:
            self._lease.dropped(claim)

    async def _publish(self, connection: BrokerConnection, claim: OwnerClaim) -> None:
        now = self._clock.now()
        payload = LeaseClaim(
            session=self._session,
            owner=claim.owner,
            term=claim.term,
            renewal=claim.renewal,
            state=claim.state,
            to=claim.to,
            until=instant(now if claim.state is ClaimState.RELEASED else now + self._times.duration),
            at=instant(now),
        )
        await connection.publish(self._mqtt.topics.lease(self._session), payload.to_json(), retain=True)

    def _down(self, error: BrokerError, pause: float) -> None:
        _log.debug("%s: lease: %s Retrying in %.1f s.", self._session, error.text, pause)


def _parse(payload: bytes) -> OwnerClaim | None:
    try:
        claim = LeaseClaim.model_validate_json(payload)
    except ValidationError:
        _log.warning("An invalid claim of a session is ignored.")
        return None
    return OwnerClaim(claim.owner, claim.term, claim.renewal, claim.state, claim.to)
