"""Each GPU is for one job at a time: real processes, real lock files, made-up devices."""

import os
import signal
import subprocess
import sys
from select import select

import pytest
from support import ROOT

from smartnet.job.devices import ORDER, VISIBLE, devices, parse_listing, visible_devices

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
WHOLE = "GPU-6e2b2c3a-0000-1111-2222-333344445555"


@pytest.fixture
def hold(tmp_path):
    """Start a process that holds so many of three devices until it is told to end."""
    started = []

    def start(count, there="GPU-a,GPU-b,GPU-c", **more):
        environment = {"PYTHONPATH": str(ROOT / "scripts"), "PATH": os.environ["PATH"]}
        environment |= more if there is None else {VISIBLE: there, **more}
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
    assert has_spoken(process, within=60)
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
        ready = select([process.stdout for process in waiting], [], [], 60)[0]
        done = next(process for process in waiting if process.stdout in ready)
        assert len(given(done)) == 2
        done.communicate("\n", timeout=30)
        waiting.remove(done)


def has_spoken(process, within):
    return bool(select([process.stdout], [], [], within)[0])


@pytest.mark.parametrize("scheduler", ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"])
def test_what_a_scheduler_gave_is_left_alone(hold, scheduler):
    # each of its own machine's view, as in a cgroup
    holders = [hold(1, there="0", **{scheduler: number}) for number in "12"]
    assert [given(process) for process in holders] == [{"0"}, {"0"}]


def test_what_a_user_chose_is_for_one_job_at_a_time(hold):
    first = hold(1, there="2")
    assert given(first) == {"2"}
    second = hold(1, there="2")
    assert not has_spoken(second, within=2) and second.poll() is None
    first.communicate("\n", timeout=30)
    assert given(second) == {"2"}


def test_numbers_are_those_of_nvidia_smi(monkeypatch, tmp_path):
    monkeypatch.setenv(VISIBLE, "0,1")
    monkeypatch.delenv(ORDER, raising=False)
    with devices(1, folder=tmp_path / "locks"):
        assert os.environ[ORDER] == "PCI_BUS_ID"
    assert ORDER not in os.environ


@pytest.mark.parametrize(
    ("named", "count"),
    [(None, 3), ("", 3), ("2", 1), ("0,1", 2), (f"1, {WHOLE[:8]}, -1, 0", 2), ("-1", 0)],
)
def test_make_run_has_as_many_gpus_as_its_jobs_see(driver, monkeypatch, named, count):
    if named is not None:
        monkeypatch.setenv(VISIBLE, named)
    answer = subprocess.run(
        ["make", "-C", ROOT, "--eval", "print-gpus: ; @echo $(GPUS)", "print-gpus"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"\n{count}\n" in f"\n{answer.stdout}"
    assert not named or len(visible_devices()) == count


def test_none_asked_for_none_seen(monkeypatch, tmp_path):
    monkeypatch.setenv(VISIBLE, "0,1")
    with devices(0, folder=tmp_path):
        assert os.environ[VISIBLE] == ""
    assert os.environ[VISIBLE] == "0,1"
    monkeypatch.delenv(VISIBLE)
    with devices(0, folder=tmp_path):
        pass
    assert VISIBLE not in os.environ


@pytest.fixture
def driver(monkeypatch, tmp_path):
    """A driver that lists these GPUs."""
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\ncat <<'EOF'\n{LISTING}EOF\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv(VISIBLE, raising=False)


def test_the_listing_of_the_driver_is_read(driver, tmp_path):
    parts = ["MIG-aaaaaaaa-0000-1111-2222-333344445555", "MIG-bbbbbbbb-0000-1111-2222-333344445555"]
    found = parse_listing(LISTING)
    assert [device.uuid for device in found] == [*parts, WHOLE]
    assert [device.model for device in found[1:]] == [
        "NVIDIA A100-SXM4-40GB MIG 3g.20gb",
        "NVIDIA H100 80GB HBM3",
    ]
    with devices(1, folder=tmp_path / "locks") as models:
        assert os.environ[VISIBLE] == parts[0] and models == ["NVIDIA A100-SXM4-40GB MIG 3g.20gb"]
    with devices(9, folder=tmp_path / "locks") as models:
        assert VISIBLE not in os.environ, "fewer than asked for: torch finds what there is"
        assert models == ["cpu"]
    assert VISIBLE not in os.environ


def test_who_asks_for_all_of_several_has_them_alone(driver, hold):
    everything = hold(3, there=None)
    assert len(given(everything)) == 3
    one = hold(1, there=None)
    assert not has_spoken(one, within=2) and one.poll() is None
    everything.communicate("\n", timeout=30)
    assert len(given(one)) == 1


def test_a_number_and_an_identifier_are_one_device(driver, tmp_path, monkeypatch):
    monkeypatch.setenv(VISIBLE, f"1, {WHOLE[:8]}, -1, 0")
    first, second = visible_devices()
    assert (first.name, first.uuid) == ("1", WHOLE) and second.uuid == WHOLE, "-1 ends the list, as for CUDA"
    with devices(1, folder=tmp_path / "locks"):
        assert [path.name for path in (tmp_path / "locks").iterdir()] == [f"{WHOLE}.lock"]


def test_lock_files_of_another_user_are_used_too(tmp_path, monkeypatch):
    """As in /tmp, where one may not make, remove or hand on what another one has."""
    if os.getuid():
        pytest.skip("only root can give files away")
    monkeypatch.setenv(VISIBLE, "GPU-a,GPU-b")
    before = os.umask(0o077)
    try:
        with devices(1, folder=tmp_path / "locks"):
            pass
    finally:
        os.umask(before)
    lock = tmp_path / "locks/GPU-a.lock"
    assert lock.stat().st_mode & 0o777 == 0o666 and (tmp_path / "locks").stat().st_mode & 0o7777 == 0o1777
    os.chown(lock, 1111, 1111)
    os.chown(tmp_path / "locks", 2222, 2222)
    with devices(1, folder=tmp_path / "locks"):
        assert os.environ[VISIBLE] == "GPU-a"


def test_without_lock_files_it_is_said_that_jobs_may_meet(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv(VISIBLE, "GPU-a,GPU-b")
    with devices(1, folder=tmp_path / "no/such/folder"):
        assert os.environ[VISIBLE] == "GPU-a"
    assert caplog.messages == [
        "no GPU can be kept from other jobs (No such file or directory): they may meet"
    ]
