"""Settings are read with the functions that read documents, and refused by the name of the setting."""

from pathlib import Path

import pytest

from locksided.settings import Settings, SettingsError, load


def read(tmp_path: Path, text: str, **environment: str) -> Settings:
    file = tmp_path / "lockside.toml"
    file.write_text(text)
    return load(file, environment)


def test_durations_and_sizes_are_written_as_in_documents(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        '[jobs]\ntimeout_seconds = "1.5h"\ngrace_seconds = "00:00:30"\nmax_log_bytes = "1MiB"\n'
        '[limits]\nline_bytes = "2MB"\n',
        LOCKSIDE_KEEPER__LINGER_SECONDS="2m",
        LOCKSIDE_LIMITS__UNREAD_BYTES="70000",
    )
    assert (found.jobs.timeout_seconds, found.jobs.grace_seconds) == (5400, 30)
    assert (found.jobs.max_log_bytes, found.limits.line_bytes) == (2**20, 2_000_000)
    assert (found.keeper.linger_seconds, found.limits.unread_bytes) == (120, 70_000)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('[jobs]\ntimeout_seconds = "02:30"', "jobs.timeout_seconds"),
        ("[jobs]\ntimeout_seconds = 0", "jobs.timeout_seconds"),
        ("[jobs]\ntimeout_seconds = inf", "jobs.timeout_seconds"),
        ("[jobs]\nretention_days = nan", "jobs.retention_days"),
        ("[jobs]\nretention_days = inf", "jobs.retention_days"),
        ("[jobs]\nmax_log_bytes = 1", "jobs.max_log_bytes"),
        ('[jobs]\nlock = "shared:0"', "jobs.lock"),
        ('[limits]\nline_bytes = "1B"', "limits.line_bytes"),
        ('[keeper]\nlinger_seconds = "soon"', "keeper.linger_seconds"),
    ],
)
def test_a_setting_out_of_bounds_is_named(tmp_path: Path, text: str, name: str) -> None:
    with pytest.raises(SettingsError, match=name.replace(".", r"\.")):
        read(tmp_path, text)
