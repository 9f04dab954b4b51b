"""Signed notes: those that the specification and Go's own package print are opened, and written again to the byte."""

import pytest

from models.log.proof.note import BadNote, Note, Signer, Verifier

# Of c2sp.org/signed-note.
KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
# Of golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SAYS = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""
OURS = Signer("log.example.com/acme", bytes(range(32)))


@pytest.mark.parametrize(("key", "written"), [(KEY, NOTE), (PETER, PETER_SAYS)])
def test_notes_of_others_are_opened_and_written_again(key: str, written: str) -> None:
    verifier, note = Verifier.parse(key), Note.parse(written)

    assert note.verified_by([verifier]) == [verifier]
    assert str(note) == written
    assert str(verifier) == key


def test_ours_are_opened_by_ours_and_by_nobody_else() -> None:
    note = Note("one\ntwo\n", [OURS.sign("one\ntwo\n")])
    again = Note.parse(str(note))

    assert again.verified_by([OURS.verifier, Verifier.parse(KEY)]) == [OURS.verifier]
    assert Verifier.parse(str(OURS.verifier)) == OURS.verifier
    assert Note.parse(NOTE).verified_by([OURS.verifier]) == []


def test_a_changed_text_or_signature_is_refused() -> None:
    with pytest.raises(BadNote, match="is not good"):
        Note.parse(NOTE.replace("an example", "another")).verified_by([Verifier.parse(KEY)])
    with pytest.raises(BadNote, match="is not good"):
        Note.parse(NOTE.replace("neyaQM=", "neyaQI=")).verified_by([Verifier.parse(KEY)])


@pytest.mark.parametrize(
    "written",
    [
        "",
        "no signature\n",
        "text\n\n",
        "text\n\n- example.com/foo AAAA\n",
        "text\n\n— example.com/foo AAAA\n",
        "text\n\n— exa+mple AAAAAAAA\n",
        "text\n\n— name not!base64\n",
        "te\x00xt\n\n— name AAAAAAAA\n",
        "text\n\n— name AAAAAAAA",
        "text\n\n" + "— name AAAAAAAA\n" * 101,
    ],
)
def test_what_is_no_note_is_refused(written: str) -> None:
    with pytest.raises(BadNote):
        Note.parse(written)


@pytest.mark.parametrize(
    "key", ["", "name", "name+00000000+AA", KEY.replace("530d", "530e"), KEY.replace("+Ae", "+Ce")]
)
def test_what_is_no_verifier_key_is_refused(key: str) -> None:
    with pytest.raises(BadNote):
        Verifier.parse(key)
