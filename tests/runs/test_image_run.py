"""The podman command line of a step that is an image. No container is started here."""

from typing import Any

import pytest

from lockside.documents.component import Manifest
from locksided.core.errors import Invalid
from locksided.runs.image_run import Image, ImageRun, Podman
from runs.examples import read

IMAGE = "registry.example/acme/orders"


def image_run(
    *, is_root: bool = False, uid: int = 0, variables: dict[str, str] | None = None, **fields: Any
) -> ImageRun:
    manifest = read(Manifest, {"id": "acme.orders", "image": IMAGE, "tag": "7", **fields})
    found = Image(f"{IMAGE}:7", "abc", (), uid, uid)
    podman = Podman(
        ("podman", "--root=/i"), {"PATH": "/bin", "HOME": "/h"}, is_root, "12345678", {found.reference: found}
    )
    given = {
        "PATH": "/usr/bin",
        "KBC_DATADIR": "/job/data/",
        "TOKEN": "s3cret",
        "LOCKSIDE_SOCKET": "/run/ls/sock",
        **(variables or {}),
    }
    return ImageRun(podman, manifest, "12-1-0", "/job/data", "/job/tmp", "/job/own", given)


def argv(**fields: Any) -> list[str]:
    (stage,) = image_run(**fields).pipeline
    return stage


def test_the_image_is_named_by_the_id_that_was_found_and_not_by_its_name() -> None:
    stage = argv(command=["run", "--data={datadir}"])
    assert stage[:3] == ["podman", "--root=/i", "run"]
    assert stage[stage.index("abc") :] == ["abc", "--data=/data/"]
    assert '--entrypoint=["run"]' in stage
    assert "--name=ls-12345678-12-1-0" in stage


def test_without_a_command_the_image_runs_its_own_program() -> None:
    stage = argv()
    assert stage[-1] == "abc"
    assert not any(option.startswith("--entrypoint") for option in stage)


def test_each_stage_of_a_pipeline_is_a_container() -> None:
    stages = image_run(pipeline=[["a"], ["b", "c"]]).pipeline
    assert [stage[-2:] for stage in stages] == [['--entrypoint=["a"]', "abc"], ["abc", "c"]]
    assert sum("--pidfile" in stage for stage in stages) == 1


def test_values_of_variables_are_not_on_the_command_line() -> None:
    run = image_run(command=["run"])
    assert not any("s3cret" in word for word in run.pipeline[0])
    assert "--env=TOKEN" in run.pipeline[0]
    assert run.environment["TOKEN"] == "s3cret"


def test_the_address_of_the_gelf_listener_is_passed_on_if_there_is_one() -> None:
    names = {"--env=KBC_LOGGER_ADDR", "--env=KBC_LOGGER_PORT"}
    assert names <= set(argv(command=["run"], logging={"type": "gelf"}))
    assert not names & set(argv(command=["run"]))


def test_paths_are_those_inside_the_container_and_home_and_path_are_the_images_own() -> None:
    run = image_run(command=["run"])
    assert run.environment == {
        "PATH": "/bin",
        "HOME": "/h",
        "KBC_DATADIR": "/data/",
        "TMPDIR": "/tmp",
        "TOKEN": "s3cret",
    }
    assert not any(word.startswith(("--env=PATH", "--env=HOME")) for word in run.pipeline[0])
    assert "--env=PATH=/opt" in argv(
        command=["run"], environment={"PATH": "/opt"}, variables={"PATH": "/opt"}
    )


def test_the_socket_of_the_daemon_is_named_where_it_is_mounted() -> None:
    run = image_run(command=["run"], imageOptions={"mounts": [{"source": "/run/ls", "target": "/ls"}]})
    assert run.environment["LOCKSIDE_SOCKET"] == "/ls/sock"


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"is_root": True, "uid": 1000}, {"--user=0:0"}),
        ({"uid": 0}, set()),
        ({"uid": 1000}, {"--userns=keep-id:uid=1000,gid=1000", "--user=1000:1000"}),
        ({"uid": 1000, "imageOptions": {"user": "job"}}, {"--userns=keep-id"}),
    ],
)
def test_the_user_inside_maps_to_the_user_of_the_job_outside(
    fields: dict[str, Any], options: set[str]
) -> None:
    assert {word for word in argv(command=["run"], **fields) if word.startswith("--user")} == options


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"image": "Registry/UPPER"}, "$.image"),
        ({"image": "acme@sha256:" + "0" * 64}, "$.tag"),
        ({"image": "acme:7"}, "$.tag"),
        ({"command": ["a"], "shell": "b"}, "$.command"),
        ({"imageOptions": {"mounts": [{"source": "a", "target": "/b"}]}}, "$.imageOptions.mounts[0].source"),
        (
            {"imageOptions": {"mounts": [{"source": "/a", "target": "/data"}]}},
            "$.imageOptions.mounts[0].target",
        ),
        ({"imageOptions": {"network": "lan"}}, "$.imageOptions.network"),
    ],
)
def test_an_image_that_cannot_be_run_is_refused_with_its_path(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(Manifest, {"id": "acme.orders", "image": IMAGE, "tag": "7", **fields})
    assert refused.value.path == path


def test_files_of_the_run_are_named_by_their_paths_inside_the_container() -> None:
    stage = argv(command=["tap", "--state={state}", "--config", "{parameters.tap}"])
    assert stage[-3:] == ["--state=/data/in/state.json", "--config", "/data/in/parameters.tap.json"]
