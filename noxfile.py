# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests and checks: ``nox -l`` lists the sessions, ``nox`` runs the fast ones, ``nox -s NAME`` runs one.

The fast sessions share the environment .venv/dev. Each session that needs another Python or ansible-core has its own
environment below .nox. All versions are in requirements/.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import sys
from collections.abc import Iterator
from typing import IO

import nox

ROOT = pathlib.Path(__file__).parent
DEV = ROOT / ".venv" / "dev"
# The directory of ansible_collections for Python and Ansible, and the link in it to this checkout.
COLLECTIONS = ROOT / ".cache"
CHECKOUT_LINK = COLLECTIONS / "ansible_collections" / "nodeprep" / "istio"
# For the tools of .venv/dev: the PATH of the user, without the changes below.
DEV_PATH = os.pathsep.join([str(DEV / "bin"), os.environ["PATH"]])
LINT_ALL = 'git ls-files -z --cached --others --exclude-standard | xargs -0 pre-commit run "$@" --files'
# The code that mypy checks. The unit tests and the scripts that run on machines of the lab are not annotated.
TYPED = [
    *(f"plugins/{name}" for name in ("module_utils", "modules", "plugin_utils", "filter", "action")),
    *(f"docs/{path.name}" for path in sorted(ROOT.glob("docs/*.py"))),
    *("tests/bench", "tests/lab/kernels", "tests/upstream"),
    *(f"tests/lab/truth/{name}.py" for name in ("judge", "judge_auto", "make_auto_job", "make_job")),
]

# ansible-test and nox search PATH for pythonX.Y. The shims of pyenv fail for a version that is not activated, so PATH
# gets the directories of the installed versions instead.
PYENV = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
PYENV_BINS = [str(path) for path in sorted(PYENV.glob("versions/3.*/bin"))]
OTHER_BINS = [path for path in os.environ["PATH"].split(os.pathsep) if path != str(PYENV / "shims")]
os.environ["PATH"] = os.pathsep.join(PYENV_BINS + OTHER_BINS)

nox.options.sessions = ["lint", "types", "unit"]
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.download_python = "never"
nox.options.stop_on_first_error = True
# Elsewhere a session whose Python is not installed is skipped with a warning.
nox.options.error_on_missing_interpreters = "CI" in os.environ

PYTHON = "3.13"
# The supported releases of ansible-core: a Python that runs it, and the oldest Python on nodes that it manages.
# README.md repeats the table.
CORES = {
    "2.16": ("3.10", "3.6"),
    "2.17": ("3.12", "3.7"),
    "2.18": ("3.11", "3.8"),
    "2.19": ("3.13", "3.8"),
    "2.20": ("3.12", "3.9"),
    "2.21": ("3.13", "3.9"),
    "2.22": ("3.13", "3.9"),
}
# The oldest and the newest one are tested each time.
FAST_CORES = (min(CORES), max(CORES))
# In the lab, each of them prepares the machine with the oldest or the newest Python.
LAB_CONTROLLERS = dict(zip(FAST_CORES, ("bullseye", "forky"), strict=True))
# A session for each release of ansible-core, with its Python.
EACH_CORE = nox.parametrize(
    ["python", "core"],
    [
        nox.param(python, core, id=core, tags=["matrix", "slow"] if core in FAST_CORES else ["matrix"])
        for core, (python, _node_python) in CORES.items()
    ],
)
# What docs-site builds: the sources of Sphinx, and the site.
SITE = ROOT / "build" / "docs"
OLDEST_KUBERNETES = "1.25"
# The scripts in docs/ that print a generated file, and that file.
GENERATED = {
    "requirements": "docs/requirements.md",
    "cost": "docs/cost.md",
    "reasons": "docs/reasons.md",
    "stages": "docs/docsite/rst/stages.svg",
    "verdict": "docs/docsite/rst/verdict.svg",
    "recorder": "playbooks/files/record/record-node.sh",
}
NODE_PYTHONS = ["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]

# A replacement for get-pip.py that installs pip from a wheel.
GET_PIP = """import runpy, sys
sys.path.insert(0, {wheel!r})
sys.argv[1:] = ["install"] + [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""
# Prints the versions of pip that ansible-test installs, for all Pythons.
PIP_VERSIONS = """from types import SimpleNamespace
from ansible_test._internal.python_requirements import get_venv_packages
versions = [f"3.{minor}" for minor in range(6, 16)]
print(*{get_venv_packages(SimpleNamespace(version=version))["pip"] for version in versions})
"""
# How Ansible runs in tests.
STRICT_ANSIBLE = {"ANSIBLE_DEPRECATION_WARNINGS": "true", "ANSIBLE_INJECT_FACT_VARS": "false"}
GALAXY_IMPORTER_CONFIG = """[galaxy-importer]
CHECK_REQUIRED_TAGS = True
REQUIRE_V1_OR_GREATER = True
RUN_FLAKE8 = False
RUN_ANSIBLE_TEST = False
"""


def link_collection() -> None:
    """Create the link through which Python finds this checkout as ansible_collections.nodeprep.istio."""
    CHECKOUT_LINK.parent.mkdir(parents=True, exist_ok=True)
    # Replaced in one step, because sessions run in parallel.
    new = CHECKOUT_LINK.with_name(f"istio.{os.getpid()}")
    new.symlink_to(ROOT)
    new.replace(CHECKOUT_LINK)


@nox.session(venv_backend="none")
def dev(session: nox.Session) -> None:
    """Create .venv/dev, or update it if a file in requirements/ is newer."""
    link_collection()
    stamp = DEV / ".done"
    requirements = [*ROOT.glob("requirements/*.txt"), ROOT / "tests" / "unit" / "requirements.txt"]
    if not stamp.exists() or any(path.stat().st_mtime > stamp.stat().st_mtime for path in requirements):
        session.run(sys.executable, "-m", "venv", str(DEV))
        session.run(str(DEV / "bin" / "python"), "-m", "pip", "install", "-q", "-r", "requirements/dev.txt")
        stamp.touch()


def run_dev(session: nox.Session, tool: str, *arguments: str, stdout: IO[str] | None = None, **env: str) -> None:
    """Run a tool of .venv/dev, with the other tools of .venv/dev first in PATH."""
    session.run(str(DEV / "bin" / tool), *arguments, stdout=stdout, env={"PATH": DEV_PATH, **env})


@nox.session(venv_backend="none", requires=["dev"])
def lint(session: nox.Session) -> None:
    """The linters of .pre-commit-config.yaml, on all files. An argument after -- is the id of one of them."""
    # Also on files that git does not know yet.
    session.run("bash", "-c", LINT_ALL, "lint", *session.posargs, external=True, env={"PATH": DEV_PATH})


@nox.session(venv_backend="none", requires=["dev"])
def types(session: nox.Session) -> None:
    """Type annotations, with mypy."""
    session.chdir(COLLECTIONS)
    collection = CHECKOUT_LINK.relative_to(COLLECTIONS)
    mypy = ("mypy", "--config-file", str(ROOT / "pyproject.toml"))
    # The scripts of the lab import each other from their own directory.
    path = os.pathsep.join([".", str(collection / "tests" / "lab" / "truth")])
    run_dev(session, *mypy, *(str(collection / name) for name in TYPED), MYPYPATH=path)
    # Only the environment of this process has nox.
    run_dev(session, *mypy, "--python-executable", sys.executable, str(ROOT / "noxfile.py"))


@nox.session(venv_backend="none", requires=["dev"])
def unit(session: nox.Session) -> None:
    """Unit tests. Arguments after -- go to pytest."""
    if not shutil.which("depmod", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])):
        session.error("depmod: not found, but the tests of module trees run it; install kmod, or run 'make packages'")
    run_dev(session, "pytest", "-q", *(session.posargs or ["-n", "auto", "tests/unit"]), PYTHONPATH=str(COLLECTIONS))


@nox.session(name="unit-node", python=NODE_PYTHONS, allow_parallel=True)
def unit_node(session: nox.Session) -> None:
    """Unit tests of the code that runs on nodes."""
    link_collection()
    session.install("-q", "-r", "requirements/pip.txt")
    session.install("-q", "-r", "requirements/node.txt")
    session.run("python", "-m", "compileall", "-q", "plugins/modules", "plugins/module_utils")
    pytest = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    session.run(*pytest, "tests/unit/plugins/module_utils", env={"PYTHONPATH": str(COLLECTIONS)})


@nox.session(venv_backend="none", requires=["dev"])
def report(session: nox.Session) -> None:
    """The report in a browser, in a spreadsheet and in playbooks."""
    run_dev(session, "pytest", "-q", "tests/report", PYTHONPATH=str(COLLECTIONS))


@nox.session(python=PYTHON, tags=["slow"], allow_parallel=True)
def awx(session: nox.Session) -> None:
    """The built collection in ansible-builder, and in slices in ansible-runner, as AWX runs it."""
    link_collection()
    session.install("-q", "-r", "requirements/awx.txt")
    session.run("python", "-m", "pytest", "-q", "tests/awx", env={"PYTHONPATH": str(COLLECTIONS)})


@nox.session(venv_backend="none", requires=["dev"])
def recorder(session: nox.Session) -> None:
    """The recorder script, in each shell that is installed, compared with node_facts."""
    run_dev(session, "pytest", "-q", "-n", "auto", "tests/recorder", PYTHONPATH=str(COLLECTIONS))


@nox.session(venv_backend="none", requires=["dev"])
def declarations(session: nox.Session) -> None:
    """Declarations, read by cloud-init, Ignition and Nix: ``make declarations-test`` installs the last two.

    cloud-init is only unpacked, because it would configure this machine at the next boot if it were installed.
    """
    tools = ROOT / "build" / "declarations"
    shutil.rmtree(tools, ignore_errors=True)
    tools.mkdir(parents=True)
    with session.chdir(tools):
        session.run("apt-get", "download", "cloud-init", external=True)
        (package,) = tools.glob("cloud-init_*.deb")
        session.run("dpkg", "--extract", str(package), str(tools), external=True)
    pytest = ("-q", *(session.posargs or ["tests/declarations"]))
    run_dev(session, "pytest", *pytest, PYTHONPATH=str(COLLECTIONS), NODEPREP_CLOUD_INIT=str(tools))


@nox.session(venv_backend="none", requires=["dev"])
def lab(session: nox.Session) -> None:
    """A part of the lab, with real kernels: ``nox -s lab -- NAME``. tests/lab/lab.sh lists the parts."""
    session.run("bash", "tests/lab/lab.sh", *session.posargs, env={"PATH": DEV_PATH})


@nox.session(name="lab-controller", requires=["dev"])
@nox.parametrize(
    ["python", "core", "machine"],
    [nox.param(CORES[core][0], core, machine, id=core) for core, machine in LAB_CONTROLLERS.items()],
)
def lab_controller(session: nox.Session, core: str, machine: str) -> None:
    """A machine of the lab, prepared by the oldest or by the newest ansible-core."""
    link_collection()
    session.install("-q", "-r", f"requirements/core-{core}.txt")
    env = {"PATH": DEV_PATH, "NODEPREP_LAB_MACHINES": machine, "NODEPREP_LAB_CONTROLLER": str(session.bin)}
    session.run("bash", "tests/lab/lab.sh", "controller", env=env, external=True)


@nox.session(venv_backend="none", requires=["dev"])
def upstream(session: nox.Session) -> None:
    """Compare the catalogue with Istio's own rules: ``nox -s upstream -- CHECKOUT [TAG...]``."""
    run_dev(session, "python", "tests/upstream/upstream.py", *session.posargs, PYTHONPATH=str(COLLECTIONS))


@nox.session(venv_backend="none", requires=["dev"])
def reference(session: nox.Session) -> None:
    """Generate the reference pages and the tables of the recorder from the tables in the code."""
    for script, name in GENERATED.items():
        page = ROOT / name
        new = page.with_name(page.name + ".new")
        with new.open("w", encoding="utf-8") as file:
            run_dev(session, "python", f"docs/{script}.py", stdout=file, PYTHONPATH=str(COLLECTIONS))
        shutil.copymode(page, new)
        new.replace(page)


@nox.session(venv_backend="none", requires=["dev"])
def changelog(session: nox.Session) -> None:
    """Move all fragments into the changelog's entry for the version in galaxy.yml. RELEASE.md describes a release."""
    run_dev(session, "antsibull-changelog", "release")


@nox.session(python=PYTHON)
def manifest(session: nox.Session) -> None:
    """The manifest that records the nodes of a cluster, against the schemas of an old and of the newest Kubernetes."""
    if not shutil.which("kubectl"):
        session.error("kubectl: not found, but it renders the manifest; install kubernetes-client")
    session.install("-q", "-r", "requirements/manifest.txt")
    rendered = pathlib.Path(session.create_tmp()).resolve() / "manifest.yml"
    with rendered.open("w", encoding="utf-8") as file:
        session.run("kubectl", "kustomize", "playbooks/files/record", external=True, stdout=file)
    for options in (["-k", OLDEST_KUBERNETES], []):
        session.run("kubernetes-validate", "--strict", *options, str(rendered))


def copy_collection(session: nox.Session) -> pathlib.Path:
    """Copy the collection to .../ansible_collections/nodeprep/istio, which ansible-test requires, and return that."""
    root = pathlib.Path(session.create_tmp()).resolve() / "ansible_collections"
    shutil.rmtree(root, ignore_errors=True)
    collection = root / "nodeprep" / "istio"
    options = ("-z", "--cached", "--others", "--exclude-standard")
    listed = session.run("git", "ls-files", *options, external=True, silent=True, log=False)
    for name in filter(os.path.exists, str(listed).rstrip("\0").split("\0")):
        target = collection / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(name, target)
    # Inside a repository that ignores this directory, ansible-test would find nothing to test.
    for arguments in (["init", "--quiet"], ["add", "--all"]):
        session.run("git", "-C", str(collection), *arguments, external=True, log=False)
    return collection


def seed_pip_cache(session: nox.Session) -> pathlib.Path:
    """Create a home directory whose ansible-test cache holds pip, and return it.

    ansible-test would download get-pip.py from a server of the Ansible project, but looks into its cache first. There
    it finds a script that installs pip from a wheel. The package index is then the only server that this machine must
    reach.
    """
    home = pathlib.Path(session.create_tmp()).resolve().parent / "home"
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    versions = session.run("python", "-c", PIP_VERSIONS, silent=True, log=False)
    for version in str(versions).split():
        session.run("python", "-m", "pip", "download", "-q", "--no-deps", "--dest", str(cache), f"pip=={version}")
        wheel = cache / f"pip-{version}-py3-none-any.whl"
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP.format(wheel=str(wheel)))
    return home


def find_site_packages(session: nox.Session) -> pathlib.Path:
    """Return the directory of the packages in the environment of a session."""
    (found,) = pathlib.Path(session.virtualenv.location).glob("lib/python*/site-packages")
    return found


def use_released_requirements(session: nox.Session) -> None:
    """Have the sanity tests install releases from the package index where they would download snapshots from elsewhere.

    ansible-test 2.22 takes a snapshot of dill for Python 3.15, which no session uses.
    """
    for path in find_site_packages(session).glob("ansible_test/_data/requirements/sanity.*.txt"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"^(\S+) @ https://\S+$", r"\1", text, flags=re.MULTILINE), encoding="utf-8")


@contextlib.contextmanager
def forbid_deprecations(session: nox.Session) -> Iterator[None]:
    """Fail the session if a command of Ansible in its environment prints a deprecation warning.

    ansible-test removes most variables from the environment of Ansible and turns the warnings off. So Python itself
    sets the variables when it starts.
    """
    log = pathlib.Path(session.create_tmp()).resolve() / "ansible.log"
    log.write_text("")
    variables = {**STRICT_ANSIBLE, "ANSIBLE_LOG_PATH": str(log)}
    setter = find_site_packages(session) / "strict_ansible.pth"
    setter.write_text(f"import os; os.environ.update({variables!r})\n")
    yield
    lines = log.read_text(encoding="utf-8").splitlines()
    if not lines:
        session.error(f"{log}: is empty, but Ansible must write its messages to it")
    warnings = [line for line in lines if "[DEPRECATION WARNING]" in line]
    if warnings:
        session.error("\n".join(["Ansible printed deprecation warnings; change what they name:", *warnings]))


def ansible_test(session: nox.Session, core: str, *arguments: str) -> None:
    """Run ansible-test on a copy of the collection, with a release of ansible-core."""
    session.install("-q", "-r", f"requirements/core-{core}.txt", "-r", "requirements/ansible-test.txt")
    use_released_requirements(session)
    home = seed_pip_cache(session)
    session.chdir(copy_collection(session))
    session.run("ansible-test", *arguments, "--color", "no", *session.posargs, env={"HOME": str(home)})


@nox.session(allow_parallel=True)
@EACH_CORE
def sanity(session: nox.Session, core: str) -> None:
    """ansible-test sanity, with all installed Pythons that nodes and controllers may have."""
    ansible_test(session, core, "sanity", "--venv")


@nox.session(allow_parallel=True)
@EACH_CORE
def units(session: nox.Session, core: str) -> None:
    """ansible-test units, with the Python of the session."""
    ansible_test(session, core, "units", "--venv", "--python", str(session.python))


# Not in parallel: the targets change this machine.
@nox.session
@EACH_CORE
def integration(session: nox.Session, core: str) -> None:
    """ansible-test integration, on this machine."""
    session.install("-q", "-r", f"requirements/core-{core}.txt")
    with forbid_deprecations(session):
        ansible_test(session, core, "integration", "--local")


@nox.session(allow_parallel=True)
@EACH_CORE
def nodes(session: nox.Session, core: str) -> None:
    """A node with the oldest Python that this ansible-core manages, over SSH on this machine."""
    link_collection()
    _python, node_python = CORES[core]
    session.install("-q", "-r", f"requirements/core-{core}.txt", "-r", "requirements/node.txt")
    env = {"PYTHONPATH": str(COLLECTIONS), "NODEPREP_NODE_PYTHON": node_python}
    session.run("python", "-m", "pytest", "-q", "tests/nodes", env=env)


@nox.session(name="docs-check", python=PYTHON, tags=["slow"], allow_parallel=True)
def docs_check(session: nox.Session) -> None:
    """The documentation of all plugins, roles and guides, with antsibull-docs."""
    session.install("-q", "-r", "requirements/run.txt", "-r", "requirements/docs.txt")
    session.chdir(copy_collection(session))
    options = ("--plugin-docs", "--validate-collection-refs", "self", "--check-extra-docs-refs")
    session.run("antsibull-docs", "lint-collection-docs", *options, ".")


@nox.session(name="docs-site", python=PYTHON)
def docs_site(session: nox.Session) -> None:
    """Build the documentation site in build/docs/html."""
    session.install("-q", "-r", "requirements/run.txt", "-r", "requirements/docs.txt")
    link_collection()
    # Without the pages of an earlier build.
    shutil.rmtree(SITE, ignore_errors=True)
    source = SITE / "source"
    collection = source / "collection"
    collection.mkdir(parents=True, mode=0o755)
    options = ("--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir", str(collection))
    collections = {"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)}
    session.run("antsibull-docs", "collection", *options, "nodeprep.istio", env=collections)
    session.run("python", "docs/site/assemble.py", str(source))
    # -W: each warning, such as a link to a page that does not exist, is an error.
    session.run("sphinx-build", "-q", "-E", "-W", "--keep-going", "-c", "docs/site", str(source), str(SITE / "html"))


@nox.session(name="docs-test", venv_backend="none", requires=["dev", "docs-site"])
def docs_test(session: nox.Session) -> None:
    """The built site in a browser: links, requests to other hosts, and its width on a telephone."""
    run_dev(session, "pytest", "-q", *(session.posargs or ["tests/site"]), PYTHONPATH=str(COLLECTIONS))


def build_collection(session: nox.Session) -> pathlib.Path:
    """Build the collection, and return the file."""
    collection = copy_collection(session)
    session.run("ansible-galaxy", "collection", "build", "--output-path", str(collection / "build"), str(collection))
    (built,) = (collection / "build").glob("*.tar.gz")
    return built


@nox.session(allow_parallel=True)
@nox.parametrize(["python", "core"], [nox.param(CORES[core][0], core, id=core, tags=["matrix"]) for core in FAST_CORES])
def installed(session: nox.Session, core: str) -> None:
    """The built collection, installed for the first time: all of it, and only the directories that Ansible needs."""
    session.install("-q", "-r", f"requirements/core-{core}.txt")
    built = build_collection(session)
    temporary = pathlib.Path(session.create_tmp()).resolve()
    for name in ("whole", "stripped"):
        root = temporary / name
        shutil.rmtree(root, ignore_errors=True)
        # With an empty home directory, as after the installation of the packages.
        env = {"HOME": str(root), "ANSIBLE_COLLECTIONS_PATH": str(root / "collections"), "ANSIBLE_NOCOLOR": "1"}
        root.mkdir()
        session.run("ansible-galaxy", "collection", "install", str(built), env=env)
        (collection,) = root.glob("collections/ansible_collections/nodeprep/istio")
        if name == "stripped":
            for path in collection.iterdir():
                if path.is_dir() and path.name not in ("meta", "plugins", "roles", "playbooks"):
                    shutil.rmtree(path)
        with session.chdir(root):
            check_installed(session, env)


def check_installed(session: nox.Session, env: dict[str, str]) -> None:
    """Audit this machine with the installed collection, and read the documentation of a module."""
    options = ("-i", "localhost,", "-c", "local", "-e", "istio_node_become=false", "-e", "istio_report_dir=report")
    python = f"ansible_python_interpreter={session.bin}/python"
    playbook = ("ansible-playbook", *options, "-e", python, "-e", '{"istio_report_fail_on": []}')
    expected = {
        (*playbook, "nodeprep.istio.audit_istio_nodes"): ("REASON AND REMEDY", "\nlocalhost ", "report/report.html"),
        ("ansible-doc", "nodeprep.istio.node_facts"): ("OPTIONS", "root"),
    }
    for command, texts in expected.items():
        output = str(session.run(*command, env=env, silent=True))
        missing = [text for text in texts if text not in output]
        if missing:
            session.error(f"{command[-1]}: its output does not contain {missing}:\n{output}")


@nox.session(python=PYTHON, tags=["slow"], allow_parallel=True)
def galaxy(session: nox.Session) -> None:
    """Galaxy's importer, on the built collection."""
    session.install("-q", "-r", "requirements/run.txt", "-r", "requirements/galaxy.txt")
    collection = copy_collection(session)
    session.chdir(collection)
    session.run("ansible-galaxy", "collection", "build", "--output-path", "build")
    config = collection / "galaxy-importer.cfg"
    config.write_text(GALAXY_IMPORTER_CONFIG)
    (built,) = (collection / "build").glob("*.tar.gz")
    session.run("python", "-m", "galaxy_importer.main", str(built), env={"GALAXY_IMPORTER_CONFIG": str(config)})


@nox.session(python=PYTHON, tags=["slow"], allow_parallel=True)
def molecule(session: nox.Session) -> None:
    """The shipped Molecule scenario in an empty repository, with the built collection."""
    session.install("-q", "-r", "requirements/run.txt", "-r", "requirements/molecule.txt")
    built = build_collection(session)
    repository = pathlib.Path(session.create_tmp()).resolve() / "repository"
    shutil.rmtree(repository, ignore_errors=True)
    collections = repository / "collections"
    session.run("ansible-galaxy", "collection", "install", "--no-deps", "-p", str(collections), str(built))
    installed = collections / "ansible_collections" / "nodeprep" / "istio"
    shutil.copytree(installed / "extensions" / "molecule" / "nodes", repository / "molecule" / "nodes")
    session.chdir(repository)
    with forbid_deprecations(session):
        session.run("molecule", "test", "--scenario-name", "nodes", env={"ANSIBLE_COLLECTIONS_PATH": str(collections)})
