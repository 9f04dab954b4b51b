"""People who come in by a link."""

from models.log.actor import Actor, Door
from models.organisation import Organisation
from models.people.access import Role
from models.people.invitation import Invitation, Invited
from models.people.member import Membership, accept_invitation, add_member, find_member
from models.people.user import User, sign_up
from models.transaction import transaction

NEW = "new@example.com"


def invite(acme: Organisation, actor: Actor, email: str = NEW, role: str = "member") -> Invited:
    """Invites someone who has no account."""
    with transaction():
        invited = add_member(acme.id, actor, email, role)
    assert isinstance(invited, Invited)
    return invited


def newcomer(email: str = NEW) -> User:
    """Signs up, with an account that belongs nowhere yet."""
    with transaction():
        return sign_up(email, "Noether", "a password of her own")


def accept(invitation: Invitation, user: User) -> Membership:
    """Joins by an invitation."""
    with transaction():
        return accept_invitation(invitation, user, Actor(user.id, user.name, Role(invitation.role), Door.WEB))


def role_of(acme: Organisation, user: User) -> str:
    """Returns the role that someone has now."""
    return find_member(acme.id, user.id).role
