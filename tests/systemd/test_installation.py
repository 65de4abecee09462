"""The handbook's commands for installing the service work unchanged, even where /etc is empty."""

from pathlib import Path

from systemd.machine import installation, lay_out

COPIED = {
    "lockside/lockside.toml",
    "sysusers.d/lockside.conf",
    "tmpfiles.d/lockside.conf",
    "systemd/system/lockside.service",
    "systemd/system/lockside.socket",
    "systemd/system/lockside-web.service",
    "systemd/system/lockside-executor@.service",
    "systemd/system/lockside-executor@.socket",
    "systemd/system/lockside-keeper@.service",
    "systemd/system/lockside-keeper@.socket",
}


def test_every_copied_file_has_a_target_folder(tmp_path: Path) -> None:
    lay_out(tmp_path)
    etc = tmp_path / "etc"
    assert {str(path.relative_to(etc)) for path in etc.rglob("*") if path.is_file()} == COPIED


def test_every_enabled_unit_was_copied() -> None:
    (enabling,) = [line for line in installation() if " enable " in line]
    for unit in enabling.split("--now ")[1].split():
        assert f"systemd/system/{unit.replace('@a', '@').replace('@b', '@')}" in COPIED
