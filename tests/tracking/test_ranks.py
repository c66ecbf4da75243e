"""Ranks: which process of a distributed job records, into which run, under which names, with which end."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

import tracklib
from tracklib.delivery.ranks import as_one
from tracklib.errors import ConfigError, RunStateError, UsageError
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root
from tracklib.journal.reader import read_run
from tracklib.model.records import Metrics, Notice, Params, Record, RunEnd, RunStart
from tracklib.model.state import RunState, fold
from tracklib.portability.ranks import as_one as told_as_one
from tracklib.tracking import identity
from tracklib.tracking.ranks import Rank, batch_job, find_rank

AGENT = "/tmp/torchelastic_x1/none_y2"
TORCH = {
    "RANK": "3",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "3",
    "LOCAL_WORLD_SIZE": "8",
    "TORCHELASTIC_RUN_ID": "none",
    "TORCHELASTIC_RESTART_COUNT": "0",
    "TORCHELASTIC_ERROR_FILE": f"{AGENT}/attempt_0/3/error.json",
}
SRUN = {"SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1", "SLURM_JOB_ID": "77", "SLURM_STEP_ID": "0"}
STEP = "slurm  77 0"
UUID = "88b0c422-cb4e-4875-a68b-eb96380145ed"
OMPI = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "1"}

PLACES: dict[str, tuple[dict[str, str], Rank | None]] = {
    "alone": ({}, None),
    "torchrun": (TORCH, Rank(3, 8, 3, "torchrun", f"torchrun {AGENT}", "0.0")),
    "torchrun, restarted": (
        {
            **TORCH,
            "TORCHELASTIC_RESTART_COUNT": "2",
            "TORCHELASTIC_ERROR_FILE": f"{AGENT}/attempt_2/3/error.json",
        },
        Rank(3, 8, 3, "torchrun", f"torchrun {AGENT}", "0.2"),
    ),
    "torchrun of one": ({**TORCH, "RANK": "0", "WORLD_SIZE": "1"}, None),
    "torchrun on several machines, nameless": (
        {**TORCH, "LOCAL_WORLD_SIZE": "4"},
        Rank(3, 8, 3, "torchrun", None, "0.0"),
    ),
    "torchrun on several machines, named": (
        {**TORCH, "LOCAL_WORLD_SIZE": "4", "TORCHELASTIC_RUN_ID": "bert"},
        Rank(3, 8, 3, "torchrun", "torchrun bert", "0.0"),
    ),
    "torchrun below srun": (
        {**SRUN, **TORCH, "TORCHELASTIC_RUN_ID": UUID, "SLURM_RESTART_COUNT": "1"},
        Rank(3, 8, 3, "torchrun", STEP, "1.0"),
    ),
    "torchrun in a batch script": (
        {**TORCH, "SLURM_JOB_ID": "77", "SLURM_PROCID": "0", "SLURM_NTASKS": "8"},
        Rank(3, 8, 3, "torchrun", f"torchrun {AGENT}", "0.0"),
    ),
    "set by hand": ({"RANK": "1", "WORLD_SIZE": "2"}, Rank(1, 2, None, "environment")),
    "half of it": ({"RANK": "1"}, None),
    "no number": ({"RANK": "one", "WORLD_SIZE": "2"}, None),
    "srun": (SRUN, Rank(5, 8, 1, "slurm", STEP, "0")),
    "srun, requeued": ({**SRUN, "SLURM_RESTART_COUNT": "3"}, Rank(5, 8, 1, "slurm", STEP, "3")),
    "a part of the tasks": ({**SRUN, "SLURM_STEP_NUM_TASKS": "6"}, Rank(5, 6, 1, "slurm", STEP, "0")),
    "a batch script": ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_JOB_ID": "77"}, None),
    "a shell in an allocation": ({"SLURM_NTASKS": "8", "SLURM_JOB_ID": "77"}, None),
    "Open MPI": (
        {**OMPI, "PMIX_NAMESPACE": "prterun-h-12@1"},
        Rank(1, 4, 1, "mpi", "mpi prterun-h-12@1 ", "0"),
    ),
    "Open MPI on one machine": (
        {
            **OMPI,
            "OMPI_COMM_WORLD_LOCAL_SIZE": "4",
            "PMIX_NAMESPACE": "prterun-h-12@1",
            "PMIX_SERVER_URI2": "tcp:9",
        },
        Rank(1, 4, 1, "mpi", "mpi prterun-h-12@1 tcp:9", "0"),
    ),
    "MPICH": ({"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "1"}, Rank(1, 2, 1, "mpi", None, "0")),
    "MVAPICH": ({"MV2_COMM_WORLD_RANK": "1", "MV2_COMM_WORLD_SIZE": "2"}, Rank(1, 2, None, "mpi", None, "0")),
    "mpirun in a SLURM job": ({**OMPI, **SRUN}, Rank(1, 4, 1, "mpi", STEP, "0")),
    "Ray Train": (
        {"RANK": "2", "WORLD_SIZE": "4", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2", "NODE_RANK": "1"},
        Rank(2, 4, 0, "environment"),
    ),
    "Lightning": ({"LOCAL_RANK": "2", "NODE_RANK": "0", "WORLD_SIZE": "4"}, Rank(2, 4, 2, "lightning")),
    "Lightning inside a batch script": (
        {"LOCAL_RANK": "2", "WORLD_SIZE": "4", "SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "7"},
        Rank(2, 4, 2, "lightning"),
    ),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_launcher_tells_the_place(case: str) -> None:
    """Each launcher's variables give the rank, and what names the job; a process that is alone has no rank."""
    environ, expected = PLACES[case]
    assert find_rank(environ) == expected


def test_lightning_counts_ranks_of_several_machines_apart() -> None:
    """Without the size of each machine, two processes never have one rank, and one alone has rank 0."""
    places = [(node, local) for node in range(2) for local in range(2)]
    found = [find_rank({"LOCAL_RANK": str(local), "NODE_RANK": str(node), "WORLD_SIZE": "4"}) for node, local in places]
    ranks = [place.rank for place in found if place is not None]
    assert ranks[0] == 0 and len(set(ranks)) == 4


def test_the_batch_job_is_known_by_its_number() -> None:
    """A requeued job is the same one; steps and clusters are told apart; outside of one there is none."""
    assert batch_job({"SLURM_JOB_ID": "5", "SLURM_RESTART_COUNT": "1"}) == batch_job({"SLURM_JOB_ID": "5"})
    assert len({batch_job({"SLURM_JOB_ID": "5", **more}) for more in ({}, {"SLURM_STEP_ID": "1"})}) == 2
    assert batch_job({}) is None


# -- processes, one after another in this one


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that calls ``init`` as a rank of a job does, in a process that just began."""

    def begin(
        rank: int, *, size: int = 3, restart: int = 0, job: str = "a", known: bool = True, **arguments: Any
    ) -> Any:
        for name in [name for name in os.environ if name.startswith("TORCHELASTIC_")]:
            monkeypatch.delenv(name)
        environ = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": size}
        if known:
            environ["TORCHELASTIC_RUN_ID"] = "none"
            environ["TORCHELASTIC_RESTART_COUNT"] = restart
            environ["TORCHELASTIC_ERROR_FILE"] = f"/tmp/{job}/attempt_{restart}/{rank}/error.json"
        for name, value in environ.items():
            monkeypatch.setenv(name, str(value))
        monkeypatch.setattr(identity, "_derived", {})
        return tracklib.init("p", **arguments)

    return begin


def test_rank_zero_records_by_default(start, root: Root, capfd) -> None:
    """Without a word, rank 0 records and the others do not, in silence; all know the run's id and the params."""
    runs = [start(rank, config={"lr": 0.1}, name="n") for rank in range(3)]
    for rank, run in enumerate(runs):
        run.log({"loss": float(rank)})
        run.log_params({"late": rank})
        run.finish()
    assert [type(run).__name__ for run in runs] == ["Run", "NullTracker", "NullTracker"]
    assert {run.id for run in runs} == {runs[0].id} and runs[0].id.startswith("job-")
    assert [run.config for run in runs] == [{"lr": 0.1, "late": rank} for rank in range(3)]
    (folder,) = root.runs()
    state = fold("", read_run(folder))
    assert (state.points, state.last, state.status) == ({"loss": 1}, {"loss": 0.0}, "finished")
    assert "warning" not in capfd.readouterr().err


def test_all_ranks_write_one_run(start, root: Root, tmp_path) -> None:
    """With ``ranks="all"`` each rank has a segment of the one run; names of the further ones begin with their rank."""
    (tmp_path / "f").write_text("x")
    runs = [start(rank, ranks="all", config={"lr": 0.1}, tags=["t"], notes="n") for rank in range(3)]
    for rank, run in enumerate(runs):
        run.define_metric("loss", summary="min")
        run.log({"loss": float(rank)}, step=5)
        run.log({"loss": 9.0})
        run.log_params({"own": {"rank": rank}})
        run.set_tags({"gpu": rank})
        run.set_notes(f"of {rank}")
        run.summary["best"] = rank
        run.log_artifact(tmp_path / "f", name="shard")
        run.finish()
    (folder,) = root.runs()
    assert len(folder.segments()) == 3
    state = fold("", read_run(folder))
    assert state.points == {"loss": 2, "rank_1/loss": 2, "rank_2/loss": 2}
    assert state.params == {
        "lr": 0.1,
        "own": {"rank": 0},
        "rank_1": {"own": {"rank": 1}},
        "rank_2": {"own": {"rank": 2}},
    }
    assert state.tags == {"t": "", "gpu": "0", "rank_1/gpu": "1", "rank_2/gpu": "2"}
    assert (state.notes, state.status) == ("of 0", "finished")
    expected = {"best": 0, "loss.min": 0.0}
    for rank in (1, 2):
        expected |= {f"rank_{rank}/best": rank, f"rank_{rank}/loss.min": float(rank)}
    assert state.summary == expected
    assert sorted(artifact.name for artifact in state.artifacts) == ["rank_1/shard", "rank_2/shard", "shard"]
    bodies = [record.body for record in read_run(folder)]
    assert sorted(body.rank for body in bodies if isinstance(body, RunStart)) == [0, 1, 2]
    assert {body.step for body in bodies if isinstance(body, Metrics)} == {5, 6}
    assert [run.config for run in runs] == [{"lr": 0.1, "own": {"rank": rank}} for rank in range(3)]


@pytest.mark.parametrize("known", [True, False], ids=["the job is known", "an id alone"])
def test_ranks_of_one_start_share_an_attempt(start, known, root: Root) -> None:
    """Whatever order they come in, ranks that are started together have one attempt, one more at each restart."""
    for restart, order in enumerate([(0, 1, 2), (2, 0, 1), (1, 2, 0)]):
        runs = [start(rank, restart=restart, known=known, ranks="all", id="r") for rank in order]
        assert [run.attempt for run in runs] == [restart + 1] * 3
        for run in runs:
            run.finish()
    assert glance(root.run("p", "r")).info.attempt == 3


def test_a_rank_that_never_began_does_not_fall_behind(start) -> None:
    """Where the job is known, a rank that was missing in the first attempt takes part in the second as such."""
    start(0, ranks="all", id="r").finish()
    second = [start(rank, restart=1, ranks="all", id="r") for rank in (1, 0)]
    assert [run.attempt for run in second] == [2, 2]


def test_a_rank_that_begins_the_run_twice_makes_two_attempts(start) -> None:
    """Ranks that continue a run within one start share the second attempt too, even one that comes late to the first."""
    assert [start(rank, ranks="all", id="r").attempt for rank in (0, 0, 1, 1, 2)] == [1, 2, 1, 2, 1]
    assert [start(0, id="z").attempt for _ in range(3)] == [1, 2, 3]


def test_steps_go_on_for_each_rank_by_itself(start) -> None:
    """After a restart, a step that is left out follows the rank's own, whatever the others have reached."""
    for rank in range(2):
        with start(rank, size=2, ranks="all") as run:
            run.log({"a": 1.0}, step=10 * (rank + 1))
    for rank in range(2):
        with start(rank, size=2, restart=1, ranks="all") as run:
            run.log({"a": 1.0})
            last = [record for record in read_run(run.folder) if isinstance(record.body, Metrics)][-1]
            assert last.body.step == 10 * (rank + 1) + 1


def test_a_launchers_restart_continues_the_run(start, root: Root) -> None:
    """The same job started again is the same run; another job is another one, and so is a job's second run."""
    first, again = start(0).id, start(0, restart=1)
    assert (again.id, again.attempt) == (first, 2)
    assert start(0, job="b").id != first
    second = tracklib.init("p")
    third = tracklib.init("q")
    assert len({first, second.id, third.id}) == 3
    assert len(root.runs()) == 4


def test_all_ranks_need_a_common_id(start) -> None:
    """Where nothing names the job, ``ranks="all"`` says that an id is needed; rank 0 alone gets a random one."""
    with pytest.raises(UsageError, match=r"expected an id for a run of all ranks.*environment.*TRACKLIB_RUN_ID"):
        start(1, known=False, ranks="all")
    assert start(1, known=False).id == ""
    assert len(start(0, known=False).id) == 12


def test_the_environment_names_the_run_and_the_ranks(start, monkeypatch, root: Root) -> None:
    """``TRACKLIB_RUN_ID`` and ``TRACKLIB_RANKS`` serve where the code says nothing, and arguments override them."""
    monkeypatch.setenv("TRACKLIB_RUN_ID", "mine")
    monkeypatch.setenv("TRACKLIB_RANKS", "all")
    assert start(1, known=False).id == "mine"
    assert start(1, known=False, id="other").id == "other"
    assert type(start(1, known=False, ranks="zero")).__name__ == "NullTracker"
    monkeypatch.setenv("TRACKLIB_RANKS", "every")
    with pytest.raises(ConfigError, match="TRACKLIB_RANKS"):
        start(0)
    (folder,) = [folder for folder in root.runs() if folder.path.name == "mine"]
    assert len(folder.segments()) == 1


def test_a_file_names_no_run(tmp_path) -> None:
    """A run's id in a file would make one run of all that the project starts: it is refused."""
    (tmp_path / "tracklib.toml").write_text('run_id = "always"')
    with pytest.raises(ConfigError, match="unknown setting 'run_id'"):
        tracklib.init("p")


def test_a_batch_job_continues_by_itself_where_asked(monkeypatch) -> None:
    """``resume="auto"``: the same SLURM job started again continues its run; without it, or outside, a run is new."""
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    found = []
    for restart in range(2):
        monkeypatch.setenv("SLURM_RESTART_COUNT", str(restart))
        monkeypatch.setattr(identity, "_derived", {})
        with tracklib.init("p", resume="auto") as run:
            found.append((run.id, run.attempt))
    assert found[0][0] == found[1][0] and [attempt for _, attempt in found] == [1, 2]
    assert tracklib.init("p").attempt == 1
    monkeypatch.delenv("SLURM_JOB_ID")
    assert tracklib.init("p", resume="auto").id != found[0][0]


def test_resume_is_judged_by_earlier_starts_alone(start) -> None:
    """A rank that comes second finds the run of its own start, which ``never`` allows; a later start's it does not."""
    assert [start(rank, ranks="all", resume="never").attempt for rank in (1, 0, 2)] == [1, 1, 1]
    with pytest.raises(RunStateError, match="never"):
        start(0, restart=1, ranks="all", resume="never")
    with pytest.raises(RunStateError, match="must"):
        start(1, ranks="all", id="absent", resume="must")


# -- what the ends of the ranks say together


def told(*events: tuple[int, object]) -> list[Record]:
    """Return records of ranks: a start for each rank, then its events, one second after another."""
    ranks = sorted({rank for rank, _ in events})
    records = [Record(f"w{rank}", 1, rank + 1, RunStart("p", f"n{rank}", rank=rank)) for rank in ranks]
    return records + [Record(f"w{rank}", 2, 100 + i, body) for i, (rank, body) in enumerate(events)]


ENDINGS = {
    "all well": ([(1, RunEnd("finished")), (0, RunEnd("finished", 0))], ("finished", 0, None, 101)),
    "the first one counts": ([(0, RunEnd("finished", 0)), (1, RunEnd("killed"))], ("finished", 0, None, 100)),
    "not all have ended": ([(1, RunEnd("finished")), (0, Notice("x", "y"))], ("running", None, None, None)),
    "one failed": (
        [(2, RunEnd("failed", 1, "boom")), (1, RunEnd("killed")), (0, RunEnd("killed", -15, "SIGTERM"))],
        ("failed", 1, "rank 2: boom", 102),
    ),
    "one failed later": (
        [(0, RunEnd("finished", 0)), (1, RunEnd("crashed", None, "vanished"))],
        ("crashed", None, "rank 1: vanished", 101),
    ),
    "the first cause": (
        [(0, RunEnd("failed", 1, "mine")), (1, RunEnd("failed", 1, "because of it"))],
        ("failed", 1, "mine", 101),
    ),
}


@pytest.mark.parametrize("case", ENDINGS)
def test_ends_are_weighed(case: str) -> None:
    """The first rank's end is the run's, unless another one failed or crashed: then the first of these is."""
    events, expected = ENDINGS[case]
    state = fold("r", told(*events))
    assert (state.status, state.exit_code, state.error, state.ended) == expected
    assert (state.name, state.started, state.attempt) == ("n0", 1, 1)


@pytest.mark.parametrize("failing", [None, 0, 1, 2])
def test_a_backend_hears_of_one_process(start, root: Root, failing: int | None) -> None:
    """Whoever takes each start and end as the run's, the last one counting, ends where the journal does; delivered or copied."""
    runs = [start(rank, ranks="all", id="r", name=f"n{rank}") for rank in (1, 0, 2)]
    for run, rank in zip(runs, (1, 0, 2), strict=True):
        run.log({"a": 1.0})
        run.finish(status="failed" if rank == failing else None, exit_code=3 if rank == failing else None)
    folder = root.run("p", "r")
    journal = fold("r", read_run(folder))
    sent = [record for path in folder.segments() for record in as_one(folder, list(read_run_of(folder, path.stem)))]
    copied = told_as_one(read_run(folder), glance(folder).info.started)
    for told in (sorted(sent, key=lambda record: record.time), copied):
        naive = RunState("r")
        for record in told:
            naive.apply(record if not isinstance(record.body, RunStart) else plain(record))
        for name in ("status", "exit_code", "error", "ended", "started", "name", "attempt"):
            assert getattr(naive, name) == getattr(journal, name)
    assert glance(folder).info == journal.info()
    assert journal.status == ("finished" if failing is None else "failed")


def plain(record: Record) -> Record:
    from dataclasses import replace

    assert isinstance(record.body, RunStart)
    return replace(record, body=replace(record.body, rank=None))


def read_run_of(folder, writer: str) -> list[Record]:
    return [record for record in read_run(folder) if record.writer == writer]


def test_a_rank_that_vanishes_ends_the_run_as_crashed(start, root: Root) -> None:
    """A further rank that is gone without a word makes it a crashed run, whatever the first one says."""
    from tracklib.journal.recovery import reap

    first, second = start(0, size=2, ranks="all", id="r"), start(1, size=2, ranks="all", id="r")
    segment = second._recorder.writer.alive
    segment.forget()  # as the kernel does at its death
    header = segment.path.with_suffix(".jsonl")
    header.write_bytes(header.read_bytes())
    first.finish()
    folder = root.run("p", "r")
    assert glance(folder).info.status == "running"
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr("tracklib.platform.process_start", lambda pid: "gone")
        assert len(reap(folder)) == 1
    info = glance(folder).info
    assert (info.status, fold("r", read_run(folder)).error) == (
        "crashed",
        "rank 1: the process vanished without a word",
    )


def test_params_of_all_ranks_are_written_once(start, bodies) -> None:
    """The config that each rank is given is recorded by the first alone."""
    for rank in range(3):
        run = start(rank, ranks="all", config={"a": 1})
    assert len(bodies(Params, run=run)) == 1
