"""How many entries of a run may be shown: money is nothing for who may not see billing, not even as a number.

A run's tally counts its entries under words such as "updated billing". `sees_money` is an SQL condition.
"""

SEES_MONEY = "CAST(:money AS boolean)"
OF_MONEY = "key LIKE '% billing'"


def run_size(sees_money: str) -> str:
    """Returns the SQL for the number of a run's entries."""
    return f"""last_number - first_number + 1 - CASE WHEN {sees_money} THEN 0 ELSE COALESCE((
                SELECT sum(CAST(value AS bigint)) FROM jsonb_each_text(tally) WHERE {OF_MONEY}), 0) END"""


def run_tally(sees_money: str) -> str:
    """Returns the SQL for a run's tally."""
    return f"""CASE WHEN {sees_money} THEN tally
                                 ELSE tally - ARRAY(SELECT key FROM jsonb_object_keys(tally) AS key WHERE {OF_MONEY})
                                 END"""


def caused(sees_money: str) -> str:
    """Returns the SQL for the column that counts what an entry set off; NULL where that is nothing."""
    return f"""(SELECT CAST(NULLIF(sum({run_size(sees_money)}), 0) AS bigint) FROM activity_runs
             WHERE activity_runs.organisation_id = entry.organisation_id AND activity_runs.cause_number = entry.number
           ) AS caused"""
