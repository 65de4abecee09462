"""The methods of secrets and of the keys that encrypt them."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from lockside.documents.base import KEY_ID_PATTERN, ComponentId, ConfigId, FieldError, Out, VariablesId
from lockside.protocol.declaration import Mutation, Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.words import Role


class Encrypted(Out, frozen=True, kw_only=True, omit_defaults=True):
    """The encrypted `value` or `data`, as in the request.

    Attributes:
        value: The cipher text of the value.
        data: The document with the cipher texts of its secrets.
    """

    value: str | UnsetType = UNSET
    data: Any = UNSET


class SecretKey(Out, frozen=True, kw_only=True):
    """A key.

    Attributes:
        id: The first 8 hexadecimal digits of its SHA-256.
        source: Where it is: a `credential`, the setting `key_file`, or the `state folder`; `missing` for a
            key that stored values need and that was not found.
        values: How many stored values it encrypts, including those of old versions.
    """

    id: str
    source: Literal["credential", "key_file", "state folder", "missing"]
    values: int


class KeyList(Out, frozen=True, kw_only=True):
    """The keys, the newest first.

    Attributes:
        keys: The keys.
    """

    keys: list[SecretKey]


class Rotated(Out, frozen=True, kw_only=True):
    """A new key.

    Attributes:
        id: The id of the new key.
        values: How many values were encrypted under it.
    """

    id: str
    values: int


class Reencrypted(Out, frozen=True, kw_only=True):
    """The number of values encrypted under the newest key.

    Attributes:
        values: How many values were encrypted.
    """

    values: int


class KeyDropped(Out, frozen=True, kw_only=True):
    """A key that was removed.

    Attributes:
        id: The key's id.
    """

    id: str


KeyId = Annotated[str, Meta(pattern=KEY_ID_PATTERN)]


@method(
    "secret.encrypt",
    Role.OPERATOR,
    answers=Encrypted,
    example={"component": "shop.load", "config": "daily", "value": "a password"},
)
class SecretEncrypt(Params, frozen=True, kw_only=True):
    """Encrypt a value, or the secrets of a document, without storing anything.

    Attributes:
        component: The component that may use the value.
        config: The configuration of that component that may use the value.
        variables: The set of variables that may use the value.
        scope: Where the value can be used; null means the narrowest scope that the other parameters allow.
        value: The value: any JSON value except null and the empty text.
        data: A document; the values of its `#` keys are encrypted.
    """

    component: ComponentId | None = None
    config: ConfigId | None = None
    variables: VariablesId | None = None
    scope: Literal["config", "project", "component", "variables"] | None = None
    value: Any = UNSET
    data: dict[str, Any] | list[Any] | UnsetType = UNSET

    def check(self) -> None:
        """Raises FieldError unless the user of the value and exactly one of `value` and `data` are given."""
        if (self.value is UNSET) == (self.data is UNSET):
            raise FieldError("Give either `value` or `data`", "value")
        if self.value is None or self.value == "":
            raise FieldError("Null and the empty text are not encrypted", "value")
        if self.variables is not None and (self.component is not None or self.config is not None):
            raise FieldError("Give either `variables` or a component", "variables")
        if self.config is not None and self.component is None:
            raise FieldError("A configuration belongs to a component: name it", "component")
        if self.component is None and self.variables is None:
            raise FieldError("Name the component or the set of variables that may use it", "component")
        if self.scope is not None and self.scope not in self.possible_scopes:
            raise FieldError(f"It can be one of: {', '.join(self.possible_scopes)}", "scope")

    @property
    def possible_scopes(self) -> tuple[str, ...]:
        """The scopes that the other parameters allow, the narrowest first."""
        if self.variables is not None:
            return ("variables",)
        return ("project", "component") if self.config is None else ("config", "project", "component")


@method("secret.keys", Role.ADMIN, answers=KeyList)
class SecretKeys(Params, frozen=True, kw_only=True):
    """List the keys and how many stored values each encrypts."""


@method("secret.rotate", Role.ADMIN, answers=Rotated)
class SecretRotate(Mutation, frozen=True, kw_only=True):
    """Create a new key and encrypt all stored values under it."""


@method("secret.reencrypt", Role.ADMIN, answers=Reencrypted)
class SecretReencrypt(Mutation, frozen=True, kw_only=True):
    """Encrypt the stored values that are not under the newest key under it."""


@method(
    "secret.dropKey",
    Role.ADMIN,
    answers=KeyDropped,
    refuses=[ErrorKind.NOT_FOUND],
    example={"id": "1f0c9a3b"},
)
class SecretDropKey(Mutation, frozen=True, kw_only=True):
    """Remove a key under which no value is stored.

    Attributes:
        id: The key's id.
    """

    id: KeyId
