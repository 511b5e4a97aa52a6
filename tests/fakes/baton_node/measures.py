"""What a running container takes: time to start, and memory."""

from __future__ import annotations

from baton_node.release import Release

#: Starts one more operator and prints: seconds until /healthz answers, its CPU seconds until then, its exit status.
START = """
import os, subprocess, time, urllib.request
began = time.monotonic()
given = {**os.environ, "BATON_HTTP_PORT": "18080", "BATON_WORKER": "false"}
process = subprocess.Popen(["baton-operator"], env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while time.monotonic() - began < 60:
    try:
        urllib.request.urlopen("http://127.0.0.1:18080/healthz").read()
        break
    except OSError:
        time.sleep(0.01)
took = time.monotonic() - began
with open(f"/proc/{process.pid}/stat") as stat:
    cpu = sum(int(each) for each in stat.read().rpartition(")")[2].split()[11:13]) / os.sysconf("SC_CLK_TCK")
process.terminate()
print(took, cpu, process.wait(60))
"""
MEMORY = "cat /sys/fs/cgroup/memory.stat 2> /dev/null || cat /sys/fs/cgroup/memory/memory.stat"


def start_again(release: Release, pod: str) -> tuple[float, float, int]:
    """
    Start one more operator in a Pod's main container, and stop it.

    Returns:
        Seconds until /healthz answers, seconds of CPU until then, and its exit status after SIGTERM.
    """
    took, cpu, status = release.exec(pod, "python3", "-c", START).split()
    return float(took), float(cpu), int(status)


def resident(release: Release, pod: str) -> float:
    """Say how much memory the processes of a Pod's main container have for themselves, in MB, by its cgroup."""
    stat = dict(line.split() for line in release.exec(pod, "sh", "-c", MEMORY).splitlines())
    return int(stat.get("anon") or stat["total_rss"]) / 1e6
