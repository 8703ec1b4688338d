"""``make doctor``: every message, with the real thing missing where that can be had."""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
from support import ROOT

from smartnet.doctor import decoders, machine, packages, tools
from smartnet.doctor.cgroup import Grant, read_grant
from smartnet.doctor.result import MISSING, OK, WARNING, Result

SAMPLES = ROOT / "resources" / "doctor"
LOCK, ASKED = ROOT / "requirements.lock", ROOT / "requirements.in"
FREE = Grant()


def doctor(folder, *options, before="", **environment):
    """Run the doctor in a process of its own, after some statements; give it and its lines by name."""
    code = f"{before}\nimport runpy; runpy.run_module('smartnet.doctor', run_name='__main__')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts"), **environment}
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.split(": ", 1) for line in done.stdout.splitlines()]
    return done, {line[0][9:]: (line[0][:8].strip(), line[-1]) for line in lines}


def packages_without(folder, *hidden):
    """Make a folder of installed packages in which some are not; give it."""
    folder.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.lower().startswith(hidden):
            (folder / entry.name).symlink_to(entry)
    return folder


def test_this_machine_has_what_it_needs(tmp_path):
    start = time.perf_counter()
    done, lines = doctor(tmp_path)
    assert time.perf_counter() - start < 5
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert lines["decoders"] == (OK, "13 transfer syntaxes decoded and compared")
    assert lines["packages"][0] != MISSING
    assert {"Python", "memory", "cores", "shared memory", "GPU", "git"} <= set(lines)


@pytest.mark.parametrize(
    ("hidden", "syntaxes", "package"),
    [
        (
            ["openjpeg", "pylibjpeg_openjpeg", "pil"],
            ["JPEG 2000", "JPEG 2000 Lossless"],
            "pylibjpeg-openjpeg",
        ),
        (["libjpeg", "pylibjpeg_libjpeg"], ["JPEG Lossless", "JPEG Extended"], "pylibjpeg-libjpeg"),
        (
            ["jpeg_ls", "pyjpegls", "_cpyjpegls", "libjpeg", "pylibjpeg_libjpeg"],
            ["JPEG-LS Lossless", "JPEG-LS Near-Lossless"],
            "pyjpegls",
        ),
    ],
)
def test_a_decoder_that_is_not_installed_is_named_with_its_package(tmp_path, hidden, syntaxes, package):
    installed = packages_without(tmp_path / "packages", *hidden)
    done, _ = doctor(tmp_path, "-S", PYTHONPATH=f"{installed}:{ROOT / 'scripts'}")
    assert done.returncode == 1
    assert re.search(rf"missing  packages: . of \d+ not installed \(.*{package}.*\): make setup", done.stdout)
    for syntax in syntaxes:
        found = re.search(
            rf"^missing  decoder of {re.escape(syntax)} \(1\.2\.840\.10008\.1\.2\.4\.\d\d\): .*$",
            done.stdout,
            re.MULTILINE,
        )
        assert found, done.stdout
        assert f": install {package} anew in the version of requirements.lock" in found[0]


def test_a_decoder_that_decodes_wrongly_is_found(tmp_path):
    folder = shutil.copytree(SAMPLES, tmp_path / "samples")
    raw = bytearray((folder / "4.70.ct").read_bytes())
    (folder / "4.70.ct").write_bytes((folder / "4.51.ct").read_bytes())  # 2 HU off, lossless is none
    (result,) = decoders.check_decoders(folder)
    assert result.status == MISSING
    assert re.fullmatch(r"decoded wrongly, \d HU off where 0 are allowed", result.text)
    (folder / "4.70.ct").write_bytes(raw)
    (folder / "1.ct").unlink()
    (result,) = decoders.check_decoders(folder)
    assert "restore resources/doctor from git" in result.line


def test_samples_have_the_syntax_they_are_named_after():
    import pydicom

    for sample in decoders.SAMPLES:
        header = pydicom.dcmread(SAMPLES / f"{sample.uid}.ct")
        end = "" if sample.uid == "0" else f".{sample.uid}"
        assert header.file_meta.TransferSyntaxUID == f"1.2.840.10008.1.2{end}"
        assert header.PatientID == "SAMPLE"
    assert {file.stem for file in SAMPLES.glob("*.ct")} == {sample.uid for sample in decoders.SAMPLES}


def test_without_any_package_it_still_answers(tmp_path):
    """As before the installation: ``-S`` leaves only the standard library."""
    done, _ = doctor(tmp_path, "-S")
    assert done.returncode == 1
    assert done.stderr == ""
    assert re.search(r"missing  packages: \d+ of \d+ not installed \(.* more\): make setup", done.stdout)
    assert re.search(r"missing  decoders: \w+ cannot be imported: make setup", done.stdout)


def test_an_old_python_is_told_so_and_can_read_the_code():
    assert packages.check_python((3, 9, 2)) == Result(
        MISSING, "Python", "3.9.2 is too old", "install 3.11 or newer, then make setup PYTHON=..."
    )
    for file in [*(ROOT / "scripts/smartnet/doctor").glob("*.py"), ROOT / "scripts/smartnet/__init__.py"]:
        ast.parse(file.read_text(), feature_version=(3, 8))


def test_packages_missing_and_of_another_version(tmp_path):
    lock, asked = tmp_path / "requirements.lock", tmp_path / "requirements.in"
    asked.write_text("numpy\nno-such-package[extra]\n# tests and style\nno-such-tool\n")
    lock.write_text("numpy==0.1\nno_such.package==1.0\nno-such-tool==2.0\n")
    missing, warning, other = packages.check_packages(lock, asked)
    assert missing.line == "missing  packages: 1 of 3 not installed (no_such.package): make setup"
    assert warning.line == "warning  packages: 1 of 3 not installed (no-such-tool): make setup"
    assert re.fullmatch(r"1 of 3 of another version \(numpy [\d.]+ instead of 0.1\)", other.text)
    assert other.status == WARNING


def test_every_pin_of_the_lock_file_is_looked_up():
    assert all(result.status != MISSING for result in packages.check_packages(LOCK, ASKED))


@pytest.mark.parametrize(
    ("gigabytes", "cores", "line"),
    [
        (0.4, 2, "missing  memory: 0.4 GB available: a job takes 1 GB: free some, or ask for more"),
        (3.2, 8, "warning  memory: 3.2 GB available: 8 jobs side by side take more: make run CORES=3"),
        (16.0, 8, "ok       memory: 16.0 GB available"),
        (None, 8, "ok       memory: not measured on this system"),
    ],
)
def test_memory(gigabytes, cores, line):
    assert machine.check_memory(gigabytes, cores).line == line


def test_the_tightest_memory_limit_counts():
    assert machine.available_memory_gb(Grant(memory_bytes=10**8), {}) == pytest.approx(0.1)
    assert machine.available_memory_gb(FREE, {"SLURM_MEM_PER_NODE": "50"}) == pytest.approx(0.052, abs=0.001)
    free = machine.available_memory_gb(FREE, {})
    assert free > 0.1


def test_a_real_memory_limit_of_the_process_is_seen(tmp_path):
    """What ``ulimit -v`` leaves."""
    before = "import resource; resource.setrlimit(resource.RLIMIT_AS, (900_000_000,) * 2)"
    _, lines = doctor(tmp_path, before=before)
    assert lines["memory"] == (MISSING, "0.9 GB available: a job takes 1 GB: free some, or ask for more")


@pytest.mark.parametrize(
    ("allowed", "grant", "environment", "line"),
    [
        (64, FREE, {}, "ok       cores: 64"),
        (64, Grant(cores=2.5), {}, "warning  cores: 2 of 64 granted: make run CORES=2"),
        (64, FREE, {"SLURM_CPUS_PER_TASK": "4"}, "warning  cores: 4 of 64 granted: make run CORES=4"),
        (
            2,
            FREE,
            {"OMP_NUM_THREADS": "64"},
            "warning  cores: 2, but OMP_NUM_THREADS is 64: unset OMP_NUM_THREADS or set it to 2",
        ),
        (2, FREE, {"OMP_NUM_THREADS": "1"}, "ok       cores: 2"),
    ],
)
def test_cores(allowed, grant, environment, line):
    assert machine.check_cores(allowed, grant, environment).line == line


def groups(folder, own, **files):
    """Write a tree of control groups as the kernel shows it."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "own").write_text(own)
    return read_grant(folder, folder / "own")


def test_control_groups_of_both_versions(tmp_path):
    second = groups(
        tmp_path / "2",
        "0::/job/step\n",
        **{
            "job/memory.max": "4000000000\n",
            "job/memory.current": "1500000000\n",
            "job/memory.stat": "anon 1000000000\ninactive_file 500000000\n",
            "job/step/memory.max": "max\n",
            "job/step/cpu.max": "150000 100000\n",
            "cpu.max": "max 100000\n",
        },
    )
    assert second == Grant(memory_bytes=3_000_000_000, cores=1.5)
    first = groups(
        tmp_path / "1",
        "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n",
        **{
            "memory/memory.limit_in_bytes": "2000000000\n",
            "memory/memory.usage_in_bytes": "700000000\n",
            "memory/memory.stat": "total_inactive_file 200000000\n",
            "cpu,cpuacct/cpu.cfs_quota_us": "400000\n",
            "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        },
    )
    assert first == Grant(memory_bytes=1_500_000_000, cores=4.0)
    none = groups(
        tmp_path / "none",
        "4:memory:/\n2:cpu:/\n",
        **{"memory/memory.limit_in_bytes": "9223372036854771712\n", "cpu/cpu.cfs_quota_us": "-1\n"},
    )
    assert none == Grant()
    assert read_grant(tmp_path / "nowhere", tmp_path / "nowhere") == Grant()


def test_disk(tmp_path):
    folder = tmp_path / "results"
    assert machine.check_disk(folder).name == "disk of results/"
    assert machine.check_disk(folder, 0.2).line == (
        "missing  disk of results/: 0.2 GB free: the default study takes 1 GB: free some"
    )
    assert machine.check_disk(folder, 3).status == WARNING
    assert machine.check_disk(folder, 300).line == "ok       disk of results/: 300.0 GB free"


def test_a_place_where_nothing_can_be_written(tmp_path):
    assert machine.check_writable(tmp_path / "results").status == OK
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    result = machine.check_writable(tmp_path / "file" / "results")
    assert (result.status, result.text) == (MISSING, "impossible (Not a directory)")
    assert "take a folder of your own" in result.line


def test_shared_memory_that_is_small_or_absent(tmp_path, monkeypatch):
    assert machine.check_shared_memory(tmp_path / "nowhere").text == "locks work"
    monkeypatch.setattr(machine, "SHM_MB", 1e12)
    assert machine.check_shared_memory(tmp_path).line.endswith("docker run --shm-size=1g")
    done, lines = doctor(tmp_path, before="import sys; sys.modules['_multiprocessing'] = None")
    assert done.returncode == 1
    assert lines["shared memory"][0] == MISSING
    assert "writable /dev/shm" in lines["shared memory"][1]


def test_programs_that_are_not_there(tmp_path):
    _, lines = doctor(tmp_path, PATH=str(tmp_path))
    assert lines["git"] == (WARNING, "not found: for updates and make test: apt install git")
    assert lines["dciodvfy"] == (
        WARNING,
        "not found: only for make test (that phantoms are valid DICOM): apt install dicom3tools",
    )
    assert lines["chromium"][0] == WARNING


def test_daemons_are_found_where_only_roots_path_looks(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(tools, "SYSTEM_PROGRAMS", f":{tmp_path}")
    assert tools.check_test_programs()[-1].line == (
        "warning  slurmctld: not found: only for make test (the study on a cluster):"
        " apt install munge slurmctld slurmd slurm-client"
    )
    (tmp_path / "slurmctld").touch(mode=0o755)
    assert tools.check_test_programs()[-1].name == "chromium"


def test_a_gpu_that_torch_cannot_use_is_a_warning(tmp_path, monkeypatch):
    """The driver's program is a stand-in: no machine that runs these tests need have a GPU."""
    import torch

    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: Some GPU (UUID: GPU-1)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    result = tools.check_gpu()
    if torch.cuda.is_available():
        assert result.status == OK
    elif torch.version.cuda is None:
        assert result.line.startswith("warning  GPU: 1 here, but torch ")
        assert "has no CUDA: networks would run on the CPU" in result.line
    else:
        assert result.text == "1 here, but torch cannot use it"
    program.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tools.check_gpu().text.startswith("none: networks run on the CPU")
