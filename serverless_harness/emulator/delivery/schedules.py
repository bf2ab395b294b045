"""When EventBridge's rules with a schedule run: at its moments, by the emulator's clock.

LocalStack looks once a minute whether a moment comes within the next one, by the machine's clock. Where the
clock is set forward past several moments of a schedule, it runs once.
"""

import logging
from typing import Any

from crontab import CronTab  # type: ignore[import-untyped]

from serverless_harness.emulator.clock import clock

LOG = logging.getLogger(__name__)

LOOK_S = 1.0


def run(scheduler: Any, *_: object) -> None:  # noqa: ANN401 - LocalStack's JobScheduler has no types
    """Run the jobs of a scheduler until it is shut down."""
    looked_at_s = clock.elapsed()
    while not scheduler._stop_event.is_set():
        clock.sleep(LOOK_S, scheduler._stop_event)
        # What has passed, and not the time of the last look: a load may have set the clock back.
        elapsed_s, now_s = clock.elapsed(), clock.now()
        passed_s, looked_at_s = elapsed_s - looked_at_s, elapsed_s
        for job in list(scheduler.jobs):
            try:
                if job.is_enabled and is_due(job.schedule, now_s - passed_s, now_s):
                    job.do_run()
            except Exception as error:  # noqa: BLE001 (the other jobs run)
                LOG.debug("The schedule %s can't be run: %s", job.schedule, error)


def is_due(schedule: str, after_s: float, until_s: float) -> bool:
    """Return whether a moment of a cron expression is after the one time and not after the other."""
    delay_s = CronTab(schedule).next(now=after_s, default_utc=True)
    return delay_s is not None and after_s + delay_s <= until_s
