"""Why a verb refuses; the message of each is the sentence that a person reads."""


class DomainError(Exception):
    """A refusal. `str()` is for the person; `field` names the input that it is about, if any."""

    field: str | None = None

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field or self.field


class Invalid(DomainError):
    """A value outside what its field allows."""


class HandleTaken(DomainError):
    """The handle is in use; those of organisations and projects are never released."""

    field = "handle"


class NameTaken(DomainError):
    """Something else has the name."""

    field = "name"


class EmailTaken(DomainError):
    """An account with this email exists."""

    field = "email"


class NotFound(DomainError):
    """What was asked for does not exist, or not for this person: both look the same."""


class Forbidden(DomainError):
    """The person's role does not allow it."""


class AlreadyEnded(DomainError):
    """The resource, project or card was terminated, deleted or removed before."""


class OrganisationSuspended(DomainError):
    """While an organisation is suspended, its members and billing may be changed, what there is ended, and no more."""


class StaleVersion(DomainError):
    """Someone else changed the row since the page was loaded."""

    def __init__(
        self,
        message: str = "Someone else changed this while you were editing. Your input is kept "
        "below; compare it with what is stored now and save again.",
    ) -> None:
        super().__init__(message)


class QuotaReached(DomainError):
    """There are as many as there may be, or they are added too fast; the message says what to do."""


class InUse(DomainError):
    """Others use the resource; the message names them."""


class AlreadyMember(DomainError):
    """The person belongs to the organisation already."""

    field = "email"


class LastOwner(DomainError):
    """An organisation keeps at least one owner."""

    field = "role"


class ConfirmationMismatch(DomainError):
    """What was typed to confirm is not the handle."""

    field = "confirm"


class AlreadyDone(DomainError):
    """The request was carried out before: a double click."""


class TooManyAttempts(DomainError):
    """Too much was tried in too short a time."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds
        """After how long it is worth trying again."""


class PaymentUnderWay(DomainError):
    """A provider was asked for money and has not answered yet, so the organisation cannot be deleted."""


class NoHead(Exception):
    """The log of an organisation has no head row: its entries cannot be numbered, so the change must not happen."""


class EntryOwed(Exception):
    """Something has changed that no entry of its transaction tells of; nothing of the transaction is kept."""


class LeaseLost(Exception):
    """Another worker has taken the job over; nothing of this chunk is kept."""


class UnrecordedCommit(Exception):
    """Something tried to commit outside `transaction()`, past the log."""


class NoSigningKey(Exception):
    """Something was to be signed by a process that has no key."""
