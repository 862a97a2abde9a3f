"""A team's server as docs/team-server.md sets it up: PostgreSQL, passwords, DVC's remote."""

import shutil
import subprocess
import sys

import pytest
import sqlalchemy

from team.people import (
    Person,
    add_people,
    as_user,
    complete,
    experiment,
    faults_of_registry,
    login,
)
from team.servers import ADMIN, mlflow_server, postgres

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.long,
    # Parts of MLflow's server are imported here, and warn of the packages that they use.
    pytest.mark.filterwarnings("ignore"),
]

SCHEMA_BEFORE = "dc11669786a5"
"""The revision of MLflow's tables in July 2026, as in tests/data/yesterday/store.sql."""
RUN_BEFORE = "0" * 32
RECORDED_BEFORE = (
    "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, workspace) "
    "VALUES (7, 'yesterday', 'mlflow-artifacts:/7', 'active', 'default')",
    "INSERT INTO runs (run_uuid, name, status, lifecycle_stage, experiment_id, artifact_uri, "
    f"start_time, end_time, source_type, user_id) VALUES ('{RUN_BEFORE}', 'old', 'FINISHED', "
    "'active', 7, 'mlflow-artifacts:/7/x', 1, 2, 'LOCAL', 'a')",
    f"INSERT INTO params (run_uuid, key, value) VALUES ('{RUN_BEFORE}', 'seed', '42')",
)


@pytest.fixture(scope="module")
def databases():
    with postgres() as server:
        yield server


@pytest.fixture(scope="module")
def upgraded(databases, tmp_path_factory):
    """Return a database that an older MLflow made, backed up and then upgraded, and its backup."""
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base

    url = databases.database("runs")
    engine = sqlalchemy.create_engine(url)
    Base.metadata.create_all(engine)
    config = _get_alembic_config(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, SCHEMA_BEFORE)
        for statement in RECORDED_BEFORE:
            connection.execute(sqlalchemy.text(statement))
    engine.dispose()
    backup = databases.run("pg_dump", "-h", databases.folder, "-U", "digits", "runs")
    subprocess.run([sys.executable, "-m", "mlflow", "db", "upgrade", url], check=True)
    return url, backup


@pytest.fixture(scope="module")
def address(databases, upgraded, tmp_path_factory):
    """Return the address of the server, which knows anna, ben and ida."""
    place, (url, _) = tmp_path_factory.mktemp("server"), upgraded
    with mlflow_server(place, url, databases.database("users")) as address:
        add_people(address, "anna", "ben", "ida")
        yield address


@pytest.fixture(scope="module")
def client(address):
    from mlflow import MlflowClient

    with as_user(*ADMIN):
        yield MlflowClient(address)


@pytest.fixture(scope="module")
def people(address, tmp_path_factory):
    """Return anna and ben, who ran an experiment each, at the same time."""
    place = tmp_path_factory.mktemp("people")
    both = [Person(place / name, name, address) for name in ("anna", "ben")]
    begun = [each.begin(*experiment(seed)) for seed, each in enumerate(both, 1)]
    for process in begun:
        printed = process.communicate()[0]
        assert process.returncode == 0, printed
        assert "warning: MLflow" not in printed
    return both


def test_what_an_older_mlflow_recorded_is_there_and_in_the_backup(client, databases, upgraded):
    assert client.get_run(RUN_BEFORE).data.params == {"seed": "42"}
    databases.database("restored")
    psql = ("-q", "-h", databases.folder, "-U", "digits", "restored", "-v", "ON_ERROR_STOP=1")
    databases.run("psql", *psql, given=upgraded[1])
    found = databases.run("psql", *psql, "-Atc", "SELECT run_uuid FROM runs")
    assert found.split() == [RUN_BEFORE]
    revision = databases.run("psql", *psql, "-Atc", "SELECT version_num FROM alembic_version")
    assert revision.split() == [SCHEMA_BEFORE]


def test_two_peoples_experiments_at_once_lose_nothing(people, client):
    here = client.get_experiment_by_name("digits").experiment_id
    runs = client.search_runs([here], "tags.stage = 'train'")
    assert {run.info.run_id for run in runs} == {person.run_id() for person in people}
    assert all(map(complete, runs))
    kept = [{each.path for each in client.list_artifacts(run.info.run_id)} for run in runs]
    assert kept[0] == kept[1]
    assert {"config", "train", "evaluate"} <= kept[0]
    assert len(client.search_logged_models([here])) == 2


def test_two_who_register_at_once_make_one_champion(people, client):
    seen = []
    begun = [
        person.begin("python", "-m", "pipeline.register", f"run={person.run_id()}")
        for person in people
    ]
    for process in begun:
        seen.append(process.communicate()[0])
        assert process.returncode == 0, seen
    versions = client.search_model_versions("name = 'digits'")
    assert {each.run_id for each in versions} == {person.run_id() for person in people}
    assert faults_of_registry(client) == []
    assert client.search_registered_models("name LIKE 'digits-%'") == []
    assert sum("the first one" in text for text in seen) == 1


def test_a_network_that_was_pushed_reads_pictures_elsewhere_without_training(
    people, tmp_path, address
):
    anna, remote = people[0], tmp_path / "remote"
    anna.run("dvc", "remote", "add", "--default", "team", str(remote))
    anna.run("dvc", "push")
    anna.commit()
    there = tmp_path / "there"
    anna.run("git", "clone", "-q", str(anna.folder), str(there))
    env = anna.env | {"HOME": str(tmp_path)}
    shutil.copy(there / "data/custom/7_small.png", there / "data/custom/one_more.png")

    def typed(*command):
        done = subprocess.run(command, cwd=there, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    typed("dvc", "pull")
    for name in ("models/model.onnx", "models/run_id.txt", "data/prepared/test.npz"):
        assert (there / name).read_bytes() == (anna.folder / name).read_bytes()
    printed = typed("dvc", "repro", "predict-custom")
    assert "Running stage 'predict-custom'" in printed
    assert "Running stage 'train'" not in printed
    assert "27 pictures" in printed


def typed_by(person, *command, **login):
    """Return what a person sees who types a command with a login, and whether it failed."""
    done = subprocess.run(
        ["python", "-m", *command], cwd=person.folder, env=person.env | login,
        capture_output=True, text=True, check=False, start_new_session=True,
    )  # fmt: skip
    return done.stderr.splitlines(), done.returncode


def predictions(client):
    here = client.get_experiment_by_name("digits").experiment_id
    return len(client.search_runs([here], "tags.stage = 'predict-custom'"))


def test_with_a_wrong_password_what_is_recorded_waits(people, client):
    ben, before = people[1], predictions(client)
    wrong = login(ben.name, "nobodys-password")
    (line,), code = typed_by(ben, "pipeline.report", **wrong)
    assert code == 1
    assert "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in line
    lines, code = typed_by(ben, "pipeline.stages.predict_custom", **wrong)
    assert code == 0
    (warning,) = [line for line in lines if "MLFLOW_TRACKING_PASSWORD" in line]
    assert "digits sync" in warning
    assert predictions(client) == before
    assert typed_by(ben, "pipeline.sync")[1] == 0
    assert predictions(client) == before + 1


def test_without_a_right_what_is_recorded_waits(people, address, client):
    from mlflow.server.auth.client import AuthServiceClient

    ben, before = people[1], predictions(client)
    here = client.get_experiment_by_name("digits").experiment_id
    admin, ida = AuthServiceClient(address), login("ida")
    admin.grant_user_permission("ida", "experiment", here, "DENY")
    lines, code = typed_by(ben, "pipeline.stages.predict_custom", **ida)
    assert code == 0
    (warning,) = [line for line in lines if "does not allow this to the user ida" in line]
    assert "digits sync" in warning
    admin.revoke_user_permission("ida", "experiment", here)
    assert typed_by(ben, "pipeline.sync", **ida)[1] == 0
    assert predictions(client) == before + 1
