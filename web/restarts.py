"""How patiently something that ended is started again."""

QUICK_SECONDS = 10
QUICK_DEATHS_MOST = 5
LEAST_SECONDS, MOST_SECONDS = 0.2, 5.0


class Restarts:
    """Counts how often in a row one thing ended soon after its start."""

    def __init__(self) -> None:
        self._quick_deaths = 0

    def after(self, lived_seconds: float) -> float | None:
        """How many seconds to wait before it is started again: more each time, None once that is hopeless."""
        self._quick_deaths = self._quick_deaths + 1 if lived_seconds < QUICK_SECONDS else 0
        if self._quick_deaths >= QUICK_DEATHS_MOST:
            return None
        return min(LEAST_SECONDS * 2.0**self._quick_deaths, MOST_SECONDS)
