"""Components that are container images, in pools on other machines: the runner fetches the image there."""

from collections.abc import Iterator

import pytest

from e2e.engines import Cluster, a_cluster
from e2e.podman import Podman, needs_podman, podman
from e2e.wire import Message, of, put_component

__all__ = ["podman"]
pytestmark = [needs_podman, pytest.mark.timeout(240)]
SHELL = "cat /data/config.json > /data/out/files/copy; echo $KBC_DATADIR"


@pytest.fixture(scope="module")
def cluster(podman: Podman) -> Iterator[Cluster]:
    with a_cluster(**podman.settings) as made:
        yield made


def run(cluster: Cluster, **manifest: object) -> Message:
    """Run a job of a component with an image in the pool `far`, and return it when final."""
    wire = cluster.daemon.wire()
    put_component(wire, "acme.image", **{"image": "localhost/plain", "tag": "1", "shell": SHELL, **manifest})
    return wire.done(wire.create("acme.image", pool="far", configData={"parameters": {}}))


def test_an_image_gives_the_same_result_there_as_here(cluster: Cluster, podman: Podman) -> None:
    cluster.put_pool(cluster.daemon.wire())
    job = run(cluster)
    assert job["status"] == "success", job["message"]
    assert cluster.daemon.wire().text(job) == "/data/\n"
    digest = podman.run("image", "inspect", "--format", "{{index .RepoDigests 0}}", "localhost/plain:1")
    assert job["result"]["images"] == [[{"id": "localhost/plain:1", "digests": [digest]}]]
    assert run(cluster, shell="exit 7")["result"]["error"]["exitCode"] == 7
    assert podman.run("ps", "-aq") == ""


def test_images_on_other_machines_are_stored_in_the_container_root_of_the_pool(
    cluster: Cluster, podman: Podman
) -> None:
    root = cluster.folder / "containers"
    root.mkdir(mode=0o1777)
    cluster.put_pool(cluster.daemon.wire(), containerRoot=str(root))
    job = run(cluster)
    assert of(job, "status", "starts") == ("error", 0)
    assert job["result"]["error"]["kind"] == "spawn"
    assert "cannot be pulled there" in job["message"]
    podman.run("save", "-q", "-o", str(cluster.folder / "plain.tar"), "localhost/plain:1")
    there = [f"--root={root}/0/images", f"--runroot={root}/0/run"]
    podman.run(*there, "load", "-q", "-i", str(cluster.folder / "plain.tar"))
    assert run(cluster)["status"] == "success"
