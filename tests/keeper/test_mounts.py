"""Which file systems of the mount table may block a caller."""

import pytest

from locksided.keeper.start.mounts import has_hanging

LOCAL = """\
25 1 254:0 / / rw,relatime - ext4 /dev/vda rw
26 25 0:5 / /proc rw - proc proc rw
27 26 0:33 / /proc/sys/fs/binfmt_misc rw,relatime - autofs systemd-1 rw,fd=29
28 25 0:24 / /tmp rw - tmpfs tmpfs rw
"""


def test_local_file_systems_do_not_block_a_caller() -> None:
    assert not has_hanging(LOCAL)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "ceph", "9p", "autofs"])
def test_one_mount_that_may_block_is_enough(kind: str) -> None:
    assert has_hanging(LOCAL + f"90 25 0:50 / /srv/data rw shared:7 - {kind} server:/data rw\n")
