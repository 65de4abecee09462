"""The vault without a daemon: what is encrypted, where it can be decrypted, which cipher text is kept."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockside.documents.secrets import hidden, is_cipher, replaced, shown
from locksided.core.errors import Conflict, Invalid
from locksided.secrets.guards import PlainSecretError, missing_in, refuse_plain
from locksided.secrets.keys import Key, KeyFile, Keys, Source
from locksided.secrets.places import Place, Scope
from locksided.secrets.vault import Unfit, Vault

CONFIG = Place.of_config("default", "acme.load", "daily")
OTHER = Place.of_config("default", "acme.load", "weekly")
JOBS = Place.of_jobs("default", "acme.load")
MANIFEST = Place.of_component("acme.load")
VARIABLES = Place(Scope.VARIABLES, ("default", "common"))

values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
)
names = st.text(max_size=4) | st.just("#key") | st.just("name") | st.just("value")
documents = st.recursive(
    values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


class KeysInMemory(Keys):
    """Keys without a file."""

    def __init__(self, *names: str) -> None:
        super().__init__(KeyFile(Source.SETTING, __file__))  # type: ignore[arg-type]
        self._keys = [Key(name.encode().ljust(32, b".")) for name in names]


@pytest.fixture
def vault() -> Vault:
    return Vault(KeysInMemory("one"))


@given(document=documents)
def test_a_sealed_document_opens_to_the_same_and_has_no_secret_in_plain_text(document: object) -> None:
    vault = Vault(KeysInMemory("one"))
    sealed = vault.seal(document, CONFIG, unfit=Unfit.ENCRYPT)
    refuse_plain(msgspec.json.encode(sealed))
    assert vault.opened(sealed, CONFIG) == document
    assert vault.seal(sealed, CONFIG) == sealed
    assert vault.seal(document, CONFIG, before=sealed, unfit=Unfit.ENCRYPT) == sealed
    assert shown(sealed) == sealed
    assert hidden(sealed) == hidden(document)


@pytest.mark.parametrize(
    ("encrypted_for", "fits"),
    [(CONFIG, [CONFIG]), (JOBS, [CONFIG, OTHER, JOBS]), (MANIFEST, [CONFIG, OTHER, JOBS, MANIFEST])],
    ids=["config", "project", "component"],
)
def test_a_value_encrypted_for_a_wider_place_fits_the_narrower_ones(
    vault: Vault, encrypted_for: Place, fits: list[Place]
) -> None:
    text = vault.encrypt("x", encrypted_for)
    assert [one for one in (CONFIG, OTHER, JOBS, MANIFEST, VARIABLES) if vault.fits(text, one)] == fits


def test_a_moved_secret_takes_its_cipher_text_along(vault: Vault) -> None:
    before = vault.seal({"rows": [{"#a": "1"}, {"#b": "2"}]}, CONFIG)
    after = vault.seal({"rows": [{"#b": "2"}, {"#a": "1"}]}, CONFIG, before=before)
    assert after["rows"] == list(reversed(before["rows"]))


def test_equal_values_of_one_document_have_different_cipher_texts(vault: Vault) -> None:
    sealed = vault.seal({"#a": "same", "#b": "same"}, CONFIG)
    assert sealed["#a"] != sealed["#b"]


def test_a_copy_is_encrypted_again_only_where_necessary(vault: Vault) -> None:
    wide = vault.encrypt("x", JOBS)
    source = vault.seal({"#a": "x", "#wide": wide}, CONFIG)
    copy = vault.seal(source, OTHER, source=CONFIG)
    assert (copy["#a"] != source["#a"], copy["#wide"]) == (True, wide)
    assert vault.opened(copy, OTHER) == {"#a": "x", "#wide": "x"}


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:-8], lambda text: text.replace(":config:", ":project:")]
)
def test_a_damaged_cipher_text_is_refused(vault: Vault, spoil: Callable[[str], str]) -> None:
    text = vault.encrypt("x", CONFIG)
    with pytest.raises(Invalid) as refused:
        vault.seal({"a": [{"#b": spoil(text)}]}, CONFIG, path="$.configuration")
    assert refused.value.path == "$.configuration.a[0].#b"


def test_a_stored_cipher_text_is_kept_and_one_from_a_state_is_encrypted_as_a_value(vault: Vault) -> None:
    lost = Vault(KeysInMemory("lost")).encrypt("x", CONFIG)
    assert vault.seal({"#a": lost}, CONFIG, unfit=Unfit.KEEP) == {"#a": lost}
    assert [one.path for one in missing_in(vault.opened_if_possible({"#a": lost}, CONFIG))] == ["$.#a"]
    value = vault.seal({"#a": lost}, CONFIG, unfit=Unfit.ENCRYPT)
    assert vault.opened(value, CONFIG) == {"#a": lost}


def test_a_reencrypted_value_is_the_same_under_the_newest_key(vault: Vault) -> None:
    text = vault.encrypt(["x"], CONFIG)
    both = Vault(KeysInMemory("two", "one"))
    again = both.reencrypted(text)
    assert (again != text, both.open_value(again, CONFIG)) == (True, ["x"])
    assert both.reencrypted(again) == again
    assert Vault(KeysInMemory("two")).open_value(again, CONFIG) == ["x"]


def test_a_secret_in_plain_text_is_never_written(vault: Vault) -> None:
    with pytest.raises(PlainSecretError) as refused:
        refuse_plain(b'{"a": [{"name": "#x", "value": "hunter22"}]}')
    assert "hunter22" not in str(refused.value)
    refuse_plain(msgspec.json.encode({"#a": vault.encrypt("x", CONFIG), "#empty": "", "#none": None}))


def test_values_and_defaults_of_secret_names_are_secrets_too() -> None:
    found: list[tuple[object, ...]] = []
    document = {"a": {"name": "#x", "value": 1, "default": 2, "other": 3}, "#y": {"#z": 4}, "name": "#no"}
    replaced(document, lambda one: found.append((one.steps, one.name, one.value)))
    assert found == [
        (("a", "value"), "#x", 1),
        (("a", "default"), "#x", 2),
        (("#y",), "#y", {"#z": 4}),
    ]
    assert not is_cipher({"#z": 4})


def test_keys_that_another_process_changed_are_left_alone() -> None:
    keys = KeysInMemory("two", "one")
    with pytest.raises(Conflict, match="restart the daemon"):
        keys.rotate()
