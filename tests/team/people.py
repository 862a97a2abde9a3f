"""People who use a team's server, each with a project of his own."""

import os
import subprocess
import time
from unittest import mock

from support.projects import SMALL, Project

from team.servers import ADMIN, without_mlflow

SMALLEST = [each for each in SMALL if not each.startswith("train.epochs")] + ["train.epochs=1"]
PASSWORD = "a-password-of-{}"


def add_people(address, *names):
    """Create users as the administrator, as docs/team-server.md does."""
    from mlflow.server.auth.client import AuthServiceClient

    with as_user(*ADMIN):
        client = AuthServiceClient(address)
        for name in names:
            client.create_user(name, PASSWORD.format(name))
        return client


def as_user(name, password=None):
    """Let MLflow's clients of this process be somebody's during a block."""
    return mock.patch.dict(os.environ, login(name, password))


def login(name, password=None):
    return {
        "MLFLOW_TRACKING_USERNAME": name,
        "MLFLOW_TRACKING_PASSWORD": password or PASSWORD.format(name),
    }


class Person(Project):
    """A project whose commands record on the server under a name."""

    def __init__(self, folder, name, address):
        folder.mkdir(parents=True)
        super().__init__(folder)
        self.name, self.done = name, 0
        self.env = without_mlflow(self.env) | login(name) | {"MLFLOW_TRACKING_URI": address}

    def begin(self, *command):
        return subprocess.Popen(
            command, cwd=self.folder, env=self.env, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip


def experiment(seed):
    return ("python", "-m", "pipeline", *SMALLEST, f"seed={seed}")


def soak(folder, seconds, names):
    """Let many people work at the same time; return what went wrong, in words."""
    import threading

    from mlflow import MlflowClient

    from team.servers import mlflow_server, postgres

    with postgres() as databases:
        urls = databases.database("runs"), databases.database("users")
        with mlflow_server(folder, *urls) as address:
            add_people(address, *names)
            people = [Person(folder / name, name, address) for name in names]
            faults = []
            workers = [
                threading.Thread(target=lambda each=each: faults.extend(work(each, seconds)))
                for each in people
            ]
            for each in workers:
                each.start()
            for each in workers:
                each.join()
            print({each.name: each.done for each in people}, flush=True)
            with as_user(*ADMIN):
                return faults + faults_of_store(MlflowClient(address), people)


def work(person, seconds, began=None):
    """Let a person run experiments and register them until the time is over; return the faults."""
    until, seed, faults = time.monotonic() + seconds, began or abs(hash(person.name)) % 1000, []
    while time.monotonic() < until:
        seed += 1
        run = ("python", "-m", "pipeline.register", "run=best")
        for command in (experiment(seed), run):
            done = person.do(*command)
            text = done.stdout + done.stderr
            if done.returncode or "Traceback" in text or "warning: MLflow" in text:
                faults.append(f"{person.name}: {command[2]}: {text[-500:]}")
        person.done += 1
    return faults


def faults_of_store(client, people, experiment_name="digits"):
    """Return what is wrong with what the server holds, in words."""
    found = client.get_experiment_by_name(experiment_name).experiment_id
    runs = client.search_runs([found], "tags.stage = 'train'", max_results=1000)
    wanted = sum(person.done for person in people)
    faults = [f"{run.info.run_id} is {run.info.status}" for run in runs if not complete(run)]
    if len(runs) != wanted:
        faults.append(f"{wanted} trainings left {len(runs)} runs")
    return faults + faults_of_registry(client)


def complete(run):
    metrics = {"train_loss", "val_accuracy", "test_accuracy", "training_seconds"}
    return run.info.status == "FINISHED" and metrics <= set(run.data.metrics)


def faults_of_registry(client):
    """Return what is wrong with the versions: each has one run and a decision, one is champion."""
    versions = client.search_model_versions("name = 'digits'", max_results=1000)
    model = client.get_registered_model("digits")
    decisions = [each.tags.get("decision", "") for each in versions]
    first = [text for text in decisions if text.endswith("the first one")]
    named = [
        each.version
        for each in versions
        if (text := each.tags.get("decision", "")).startswith(
            f"champion is version {each.version} "
        )
        or text == f"champion is version {each.version}, the first one"
    ]
    history = model.tags.get("champions", "").split()
    return [
        *(["two versions of one run"] if len({v.run_id for v in versions}) < len(versions) else []),
        *([] if all(decisions) else ["a version without a decision"]),
        *([] if len(first) == 1 else [f"{len(first)} first champions"]),
        *([] if sorted(named, key=int) == history else [f"champions {history}, told {named}"]),
        *([] if [model.aliases.get("champion")] == history[-1:] else ["another one is champion"]),
    ]
