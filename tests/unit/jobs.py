"""Jobs as Snakemake hands them to scripts, made by hand."""

from types import SimpleNamespace

from snakemake.iocontainers import InputFiles, OutputFiles, Params, Wildcards


def named(kind, files):
    """A list of files as Snakemake has it; a name may stand for several."""
    found = kind()
    for key, value in files.items():
        begin = len(found)
        found.extend([value] if isinstance(value, str) else value)
        found._set_name(key, begin, end=None if isinstance(value, str) else len(found))
    return found


def job_of(rule, *, inputs, outputs, config=None, threads=1, wildcards=None, **params):
    """What Snakemake calls ``snakemake`` in a script."""
    return SimpleNamespace(
        rule=rule,
        input=named(InputFiles, inputs),
        output=named(OutputFiles, outputs),
        params=Params(fromdict=params),
        wildcards=Wildcards(fromdict=wildcards or {}),
        config=config or {},
        threads=threads,
        log=[f"logs/{rule}.log"],
    )
