"""What is in the images, and what isn't."""

import json

import pytest
from compose_project import ComposeProject
from stack_processes import BESIDE_THE_SHOP

from serverless_harness.stack.compose import ComposeStack

pytestmark = BESIDE_THE_SHOP

MB = 1_000_000
OFFICIAL_BASE_MB = 130
"""python:3.13-slim of Docker Hub, unpacked, linux/amd64; a stand-in for it may be larger."""
LIMIT_MB = 500
FIRST_OWN_LAYER = "compileall -q -x"
"""Part of the first command of docker/Dockerfile."""
PROGRAMS = ("gcc", "cc", "g++", "clang", "make", "ld", "uv")
FOLDERS = ("/root/.cache", "/build", "/opt/emulator/.cache")


@pytest.fixture(scope="session")
def image(project):
    """The emulator's image."""
    return project.container("localstack").image


@pytest.fixture(scope="session")
def deploy_image(project):
    """The image of deploy, gateway and shop."""
    return project.container("shop").image


def test_emulators_image_is_small(image):
    layers = image.history()
    first = next(number for number, layer in enumerate(layers) if FIRST_OWN_LAYER in layer["CreatedBy"])
    own_mb = sum(layer["Size"] for layer in layers[: first + 1]) / MB

    assert own_mb > 0
    assert own_mb + OFFICIAL_BASE_MB < LIMIT_MB


def test_emulators_image_checks_its_health_and_says_what_it_is(image):
    config = image.attrs["Config"]
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert {"title", "description", "version", "base.name"} <= {
        label.removeprefix("org.opencontainers.image.") for label in config["Labels"]
    }


@pytest.mark.parametrize("service", ["localstack", "shop"])
def test_images_hold_no_compiler_no_installer_of_ours_and_no_cache(project, service):
    search = f"""
import json, pathlib, shutil
programs = [name for name in {PROGRAMS} if shutil.which(name)]
folders = [name for name in {FOLDERS} if pathlib.Path(name).exists()]
print(json.dumps([programs, folders]))
"""

    found = json.loads(project.run(service, "python3", "-c", search))

    assert found == [[], []]


def test_provider_is_in_no_layer_of_the_emulator(project):
    assert "terraform" not in project.run("localstack", "ls", "/usr/local/bin", "/usr/local/share")


def test_changed_handler_or_resource_rebuilds_no_layer(engine, sources):
    project = ComposeProject(engine, ComposeStack(1024, "harness-test-build", sources))
    tag = "test-layers"
    names = (f"serverless-harness:{tag}", f"shop-deploy:{tag}")
    try:
        project.compose("build", SHOP_IMAGE_TAG=tag)
        before = [engine.images.get(name).id for name in names]
        for file in (sources / "handlers" / "accept" / "accept.py", sources / "terraform" / "sns.tf"):
            file.write_text(file.read_text() + "\n# changed\n")
        project.compose("build", SHOP_IMAGE_TAG=tag)
        assert [engine.images.get(name).id for name in names] == before

        script = sources / "docker" / "healthcheck.py"
        script.write_text(script.read_text() + "\n# changed\n")
        project.compose("build", SHOP_IMAGE_TAG=tag)
        assert engine.images.get(names[0]).id != before[0]
    finally:
        for name in names:
            engine.images.remove(name)
