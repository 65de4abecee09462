"""Messages of GELF libraries of Java and PHP are stored as well; a variable names each library's folder."""

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
def test_messages_of_the_graylog_client_for_java_are_stored(wire: Wire, transport: str) -> None:
    jars = f"{os.environ[JAVA]}/*"
    check_heard(wire, transport, "java", "-cp", jars, str(DATA / "Log.java"), transport)


@pytest.mark.skipif(PHP not in os.environ, reason=f"{PHP}: the folders Gelf of gelf-php and Psr of psr/log")
@pytest.mark.parametrize("transport", ["tcp", "udp", "http"])
def test_messages_of_gelf_php_are_stored(wire: Wire, transport: str) -> None:
    check_heard(wire, transport, "php", str(DATA / "log.php"), os.environ[PHP], transport)
