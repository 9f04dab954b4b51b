"""A change without its entry cannot be committed."""

from models.migrations.owed import track, track_kind
from models.migrations.sql import execute, run

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Run the SQL file beside this one, and ask for entries about all that the log speaks of."""
    run("0023_owed.sql")
    track_kind("container", "containers", sealed=["environment"])
    track_kind("memcached", "memcached")
    track_kind("registry", "registries", sealed=["password"])
    track_kind("secret", "secrets", sealed=["value"])
    track("project", "projects", f"{ENDING} OR {differs('handle', 'name')}")
    track("organisation", "organisations", f"{ENDING} OR {differs('handle', 'name', 'email')}", organisation="{}.id")
    track("user", "memberships", differs("role"), id="{}.user_id")
    track("invitation", "invitations", differs("email", "role", "token_hash", "expires_at", "used_at"))
    track("billing", "payment_methods", f"{CARD} OR {differs('removed_at')} OR n.is_default AND NOT o.is_default")
    track("billing", "billing_accounts", ACCOUNT, id="0")
    execute(PEOPLE)


def differs(*columns: str) -> str:
    """In SQL, whether any of these columns has changed."""
    return " OR ".join(f"o.{name} IS DISTINCT FROM n.{name}" for name in columns)


# One entry tells of both: what is being deleted is deleted for everyone.
ENDING = "replace(o.state, 'deleting', 'deleted') <> replace(n.state, 'deleting', 'deleted')"
CARD = differs("brand", "last_four", "expiry_month", "expiry_year")
# What is charged is told by the ledger.
ACCOUNT = f"n.balance_cents > o.balance_cents OR {differs('auto_top_up', 'threshold_cents', 'amount_cents')}"
# Whoever is called otherwise, or has another address, is told of in each organisation of theirs that is not deleted.
PEOPLE = """
CREATE FUNCTION users_owe() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.owe_entries(belongs.organisation_id, 'user', array_agg(n.id))
       FROM old_rows AS o JOIN new_rows AS n ON o.id = n.id AND (o.name <> n.name OR o.email <> n.email)
       JOIN public.memberships AS belongs ON belongs.user_id = n.id
       JOIN public.organisations ON organisations.id = belongs.organisation_id
      WHERE organisations.state IN ('active', 'suspended')
      GROUP BY belongs.organisation_id;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION users_owe FROM PUBLIC;
CREATE TRIGGER users_owe_for_update AFTER UPDATE ON users REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION users_owe();
ALTER TABLE users ENABLE ALWAYS TRIGGER users_owe_for_update;
"""
