"""The statement that is tried first where a single term leads to several lists: the nearest entries of all of them.

It takes so little of each list as a page needs if they are alike. A page that it cannot fill is left to the search
along all ways, which looks at more. Nearly every page of what is called by a name is filled.
"""

from functools import lru_cache

from sqlalchemy import TextClause

from models.log.conditions import MANY, Way
from models.log.feed import SHOWN
from models.log.search_text import DOWN, HEAD, IN_SCOPE, TEXTS_KEPT, Direction, inner, page_text


@lru_cache(maxsize=TEXTS_KEPT)
def nearest(direction: Direction, condition: str, asked: str, way: Way) -> TextClause:
    """The query of a page: only constants of the modules of the log are put into the text."""
    fits = " AND ".join([asked, *([IN_SCOPE[condition]] if condition in IN_SCOPE else [])]) + f" {SHOWN}"
    last = "min" if direction is DOWN else "max"
    # An index by time knows no numbers, and people who share a name are few.
    near = (
        "true" if way.by_time else f"number {direction.reached} COALESCE((SELECT number FROM reach), {direction.end})"
    )
    parts = f"""
        head AS MATERIALIZED ({HEAD}),
        named AS MATERIALIZED ({way.lists}),
        list AS MATERIALIZED (SELECT DISTINCT * FROM named WHERE (SELECT count(*) FROM named) <= {MANY}),
        sampled AS MATERIALIZED (
            SELECT list.*, number FROM list, LATERAL (
                {inner(direction, way, "number")}
                 LIMIT (SELECT :limit / GREATEST(count(*), 1) + 1 FROM list)) AS entry),
        reach AS MATERIALIZED (
            SELECT {last}(number) AS number FROM (
                SELECT number FROM sampled ORDER BY number {direction.order} LIMIT :limit) AS nearest
            HAVING count(*) = :limit),
        found AS MATERIALIZED (
            SELECT hits.* FROM (
                SELECT DISTINCT {way.keys} FROM sampled
                 WHERE number {direction.reached} COALESCE((SELECT number FROM reach), {direction.end})
              ) AS list, LATERAL (
                SELECT array_agg(number) FILTER (WHERE fits) AS numbers,
                       CASE WHEN count(*) < :limit THEN {direction.end} ELSE {last}(number) END AS looked
                  FROM (SELECT number, {fits} AS fits
                          FROM ({inner(direction, way, "*", near)} LIMIT :limit) AS entry) AS entry) AS hits
             UNION ALL SELECT CAST(NULL AS bigint[]), number FROM reach
             UNION ALL SELECT NULL, :edge WHERE (SELECT count(*) FROM named) > {MANY})"""
    return page_text(direction, condition, [parts])
