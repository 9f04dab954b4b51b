"""People who come in by a link."""

from datetime import UTC, datetime

from models.log.actor import Actor, Door
from models.log.record import Action, Sentence, record
from models.organisation import Organisation
from models.people.access import Role
from models.people.invitation import Invitation, Invited
from models.people.member import Membership, accept_invitation, add_founder, find_member, invite_member
from models.people.user import User, sign_up
from models.transaction import transaction

NEW = "new@example.com"


def invite(acme: Organisation, actor: Actor, email: str = NEW, role: str = "member") -> Invited:
    """Invites an address; the link is shown, not mailed."""
    with transaction():
        return invite_member(acme.id, actor, email, role, datetime.now(UTC))


def newcomer(email: str = NEW) -> User:
    """Signs up, with an account that belongs nowhere yet."""
    with transaction():
        return sign_up(email, "Noether", "a password of her own")


def accept(invitation: Invitation, user: User, by_link: bool = True) -> Membership:
    """Joins by an invitation."""
    actor = Actor(user.id, user.name, Role(invitation.role), Door.WEB)
    with transaction():
        return accept_invitation(invitation, user, actor, datetime.now(UTC), by_link)


def join(acme: Organisation, actor: Actor, user: User, role: str) -> Membership:
    """Invites someone and has them accept: two entries."""
    return accept(invite(acme, actor, user.email, role).invitation, user)


def enrol(acme: Organisation, actor: Actor, user: User, role: Role) -> None:
    """Makes someone a member in one entry, as members joined before there were invitations to accept."""
    member = add_founder(acme.id, user)
    member.role = role
    sentence = Sentence("User ", f" added as {role}")
    record(actor, Action.CREATE, member.subject, {"role": [None, str(role)]}, sentence=sentence)


def role_of(acme: Organisation, user: User) -> str:
    """Returns the role that someone has now."""
    return find_member(acme.id, user.id).role
