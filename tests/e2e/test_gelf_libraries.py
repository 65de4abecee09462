"""GELF libraries of Java and PHP are heard as well; a variable says in which folder each one is."""

import os
from pathlib import Path

import pytest

from e2e.wire import Wire, put_component

JAVA, PHP = "LOCKSIDE_TEST_GELF_JAVA", "LOCKSIDE_TEST_GELF_PHP"
SECRET = "s3cr3t-of-gelf"
DATA = Path(__file__).parent / "data" / "gelf"


def check_heard(wire: Wire, transport: str, *command: str) -> None:
    logging = {"type": "gelf", "transport": transport}
    put_component(wire, "acme.foreign", command=[*command, "{{ word }}"], logging=logging)
    parameters = {"word": SECRET, "#word": SECRET}
    job = wire.done(wire.create("acme.foreign", configData={"parameters": parameters}))
    assert job["status"] == "success", job["result"]["message"]
    frames = wire.call("job.log", id=job["id"], stream="gelf")["frames"]
    more = " with [hidden]" + " and much more" * 300
    words = ((6, "info"), (4, "warning"), (3, "error"), (2, "critical"))
    assert [(one["level"], one["text"]) for one in frames] == [(level, word + more) for level, word in words]


@pytest.mark.skipif(JAVA not in os.environ, reason=f"{JAVA}: the jars of org.graylog2:gelfclient")
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_the_client_of_graylog_for_java_is_heard(wire: Wire, transport: str) -> None:
    jars = f"{os.environ[JAVA]}/*"
    check_heard(wire, transport, "java", "-cp", jars, str(DATA / "Log.java"), transport)


@pytest.mark.skipif(PHP not in os.environ, reason=f"{PHP}: the folders Gelf of gelf-php and Psr of psr/log")
@pytest.mark.parametrize("transport", ["tcp", "udp", "http"])
def test_gelf_php_is_heard(wire: Wire, transport: str) -> None:
    check_heard(wire, transport, "php", str(DATA / "log.php"), os.environ[PHP], transport)
