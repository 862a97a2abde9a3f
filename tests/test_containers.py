"""What the containers copy exists, and the service runs on the packages that its image installs."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from support.networks import write_line_reader, write_with_reference
from support.projects import free_port
from support.service import Client

from pipeline.config.places import ROOT

PICTURE = ROOT / "data" / "custom" / "7_small.png"

# Run by every Python process of the service before anything else.
REFUSE = """
import sys

class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refusing())
"""


def instructions(file, name):
    """Return what stands after each instruction of this name, lines joined."""
    text = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{name} (.+)$", text, re.MULTILINE)


def copied(file):
    """Return the paths that a container copies from the project."""
    copies = [line.split() for line in instructions(file, "COPY") if "--from=" not in line]
    return [path for words in copies for path in words[:-1] if not path.startswith("--")]


def packages_of_the_image():
    """Return the names of the group `serve` and of all that these packages need."""
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["serve"]
    waiting, known = [Requirement(each) for each in group], {"digit-pipeline"}
    while waiting:
        name = waiting.pop().name.lower().replace("_", "-")
        if name not in known:
            known.add(name)
            needed = map(Requirement, metadata.requires(name) or [])
            waiting += [
                each for each in needed if not each.marker or each.marker.evaluate({"extra": ""})
            ]
    return known


@pytest.mark.parametrize("file", ["Containerfile", "Containerfile.serve"])
def test_what_is_copied_exists_and_nobody_is_root(file):
    assert copied(file)
    assert all((ROOT / path).exists() for path in copied(file))
    assert instructions(file, "USER")[-1] not in ("root", "0")


def test_images_leave_out_what_the_project_makes_but_copy_all_that_is_its_own():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()[1:]
    assert ".venv" in ignored
    assert not [name for name in listed.stdout.splitlines() if name.split("/")[0] in ignored]


@pytest.fixture
def image(tmp_path):
    """Return a folder with what the image of the service holds, and networks in models/."""
    (tmp_path / "project").mkdir()
    for path in copied("Containerfile.serve"):
        copy = shutil.copytree if (ROOT / path).is_dir() else shutil.copy2
        copy(ROOT / path, tmp_path / "project" / path)
    write_with_reference(tmp_path / "project" / "models" / "model.onnx")
    write_line_reader(tmp_path / "project" / "models" / "lines" / "lines.onnx")
    return tmp_path / "project"


@pytest.fixture
def service(image, tmp_path):
    """Run the image's command on the image's packages alone."""
    there = packages_of_the_image()
    names = {
        name
        for name, owners in metadata.packages_distributions().items()
        if not there & {owner.lower().replace("_", "-") for owner in owners}
    }
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "sitecustomize.py").write_text(REFUSE.format(names=names))
    client = Client(free_port())
    [command] = map(json.loads, instructions("Containerfile.serve", "CMD")[-1:])
    assert command[0] == "python"
    local = [each for each in command[1:] if not each.startswith("host=")]
    environment = os.environ | {
        "PYTHONPATH": f"{tmp_path / 'first'}{os.pathsep}{image}",
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}",
    }
    process = subprocess.Popen(
        [sys.executable, *local, f"port={client.port}", "network=local"],
        cwd=image, env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        client.wait_until_ready()
        yield client
    finally:
        process.terminate()
        said = process.communicate(timeout=60)[1]
    assert "No module named" not in said


@pytest.mark.end_to_end
def test_the_service_needs_no_package_that_its_image_lacks(service):
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="7.png"\r\n\r\n%b\r\n'
    pictures = part % PICTURE.read_bytes() * 30 + b"--x--\r\n"
    kind = {"content_type": "multipart/form-data; boundary=x"}
    status, answer = service.post("/read", pictures, **kind)
    assert (status, len(answer["predictions"])) == (200, 30)
    assert b"digits_drift_p_value NaN" not in service.get("/metrics")[1]
    assert service.post("/read?mode=number", PICTURE.read_bytes())[0] == 200
    status, refused = service.get("/networks")
    assert status == 503
    assert "does not answer" in refused["error"]
