"""Each GPU is for one job at a time: real processes, real lock files, made-up devices."""

import os
import signal
import subprocess
import sys
from itertools import cycle
from select import select

import pytest
from support import ROOT

from smartnet.job.devices import VISIBLE, devices, parse_listing

HOLDER = """
import os, sys, time
from pathlib import Path
from smartnet.job.devices import devices
with devices(int(sys.argv[1]), folder=Path(sys.argv[2])):
    print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
    sys.stdin.readline()
"""
LISTING = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d1b2c3a-0000-1111-2222-333344445555)
  MIG 3g.20gb     Device  0: (UUID: MIG-aaaaaaaa-0000-1111-2222-333344445555)
  MIG 3g.20gb     Device  1: (UUID: MIG-bbbbbbbb-0000-1111-2222-333344445555)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-6e2b2c3a-0000-1111-2222-333344445555)
"""


@pytest.fixture
def hold(tmp_path):
    """Start a process that holds so many of three devices until it is told to end."""
    started = []

    def start(count, there="GPU-a,GPU-b,GPU-c"):
        environment = {"PYTHONPATH": str(ROOT / "scripts"), VISIBLE: there}
        command = [sys.executable, "-c", HOLDER, str(count), tmp_path / "locks"]
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def given(process):
    return set(process.stdout.readline().strip().split(","))


def test_no_device_has_two_holders_and_a_killed_one_frees_its_own(hold):
    first, second = hold(1), hold(2)
    ours, theirs = given(first), given(second)
    assert ours | theirs == {"GPU-a", "GPU-b", "GPU-c"} and len(ours) == 1
    third = hold(2)
    assert not has_spoken(third, within=2) and third.poll() is None
    second.send_signal(signal.SIGKILL)
    assert given(third) == theirs


def test_two_who_want_two_of_three_take_turns(hold):
    waiting = [hold(2) for _ in range(3)]
    for _ in range(3):
        done = next(process for process in cycle(waiting) if has_spoken(process, within=0.2))
        assert len(given(done)) == 2
        done.communicate("\n", timeout=30)
        waiting.remove(done)


def has_spoken(process, within):
    return bool(select([process.stdout], [], [], within)[0])


def test_what_a_scheduler_gave_is_left_alone(hold):
    holders = [hold(1, there="0"), hold(1, there="0")]  # each of its own machine's view, as in a cgroup
    assert [given(process) for process in holders] == [{"0"}, {"0"}]


def test_none_asked_for_none_seen(monkeypatch, tmp_path):
    monkeypatch.setenv(VISIBLE, "0,1")
    with devices(0, folder=tmp_path):
        assert os.environ[VISIBLE] == ""
    assert os.environ[VISIBLE] == "0,1"
    monkeypatch.delenv(VISIBLE)
    with devices(0, folder=tmp_path):
        pass
    assert VISIBLE not in os.environ


def test_the_listing_of_the_driver_is_read(monkeypatch, tmp_path):
    assert parse_listing(LISTING) == [
        "MIG-aaaaaaaa-0000-1111-2222-333344445555",
        "MIG-bbbbbbbb-0000-1111-2222-333344445555",
        "GPU-6e2b2c3a-0000-1111-2222-333344445555",
    ]
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\ncat <<'EOF'\n{LISTING}EOF\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv(VISIBLE, raising=False)
    with devices(1, folder=tmp_path / "locks"):
        assert os.environ[VISIBLE] == "MIG-aaaaaaaa-0000-1111-2222-333344445555"
    with devices(9, folder=tmp_path / "locks"):
        assert VISIBLE not in os.environ, "fewer than asked for: torch finds what there is"
