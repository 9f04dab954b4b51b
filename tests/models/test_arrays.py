"""Arrays are written as PostgreSQL reads them."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from models import arrays
from models.database import db
from models.organisation import Organisation

READ = text("SELECT CAST(:numbers AS bigint[]), CAST(:texts AS text[])")
NUMBERS = st.integers(-(2**63), 2**63 - 1)
ODD = ("NULL", "", '"', "\\", "{}", ",", " ")
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.sampled_from(ODD)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(NUMBERS), st.lists(TEXTS))
def test_what_is_written_is_read_again(acme: Organisation, numbers: list[int], texts: list[str]) -> None:
    values = {"numbers": arrays.numbers(numbers), "texts": arrays.texts(texts)}

    assert db.session.execute(READ, values).one() == (numbers, texts)
