"""The machine's cgroup mounts are read as they are."""

from locksided.keeper.tree.hierarchy import Mount, read_mounts, read_own

MOUNTINFO = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
35 31 0:32 /a /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""


def test_only_cgroup_mounts_are_used() -> None:
    assert read_mounts(MOUNTINFO) == [
        Mount("/sys/fs/cgroup/memory", "/a", "cgroup", frozenset(("rw", "memory"))),
        Mount("/sys/fs/cgroup/unified", "/", "cgroup2", frozenset(("rw",))),
    ]


def test_the_cgroup_of_the_process_is_read_for_every_controller() -> None:
    assert read_own("4:memory:/a/b\n2:cpu,cpuacct:/c\n0::/\n") == {
        "memory": "/a/b",
        "cpu": "/c",
        "cpuacct": "/c",
        "": "/",
    }
