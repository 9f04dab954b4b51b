"""How patiently something that ended is started again."""

QUICK_SECONDS = 10
# Before each further start of something that keeps ending soon after it was started. Longer than PostgreSQL needs to
# be rid of the processes of its predecessor, which was killed.
PAUSES = (0.25, 1.0, 3.0, 5.0)


class Restarts:
    """Counts how often in a row one thing ended soon after its start."""

    def __init__(self) -> None:
        self._quick_deaths = 0

    def after(self, lived_seconds: float) -> float | None:
        """How many seconds to wait before it is started again; None after the fifth quick death."""
        if lived_seconds >= QUICK_SECONDS:
            self._quick_deaths = 0
            return PAUSES[0]
        self._quick_deaths += 1
        return PAUSES[self._quick_deaths - 1] if self._quick_deaths <= len(PAUSES) else None
