# Two commands on a fresh machine: `make demo` and `make test`. Python 3.11 or 3.12 is all they need.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null \
	&& { echo $$p; exit; }; done)
STAMP := .venv/.installed
# Some hundred processes of ours start in the tests: compiled once, they start sooner.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test bench campaign chaos setup lint lock train clean

demo: setup  ## everything on this machine; ARGS="--for 60 --json" for figures
	@.venv/bin/fengsui demo $(ARGS)

test: setup  ## all tests; ARGS="-k name" for some
	@deploy/system-packages.sh
ifdef ARGS
	.venv/bin/pytest $(ARGS)
else
	.venv/bin/pytest --numprocesses 3 --dist worksteal -m "not alone"  # two cores: a third of what they do is waiting
	.venv/bin/pytest -m alone tests/e2e  # by itself: seconds count there
endif

bench: setup  ## what a camera costs on this machine; ARGS="--size 1080 --json", "--quick" for a try
	@.venv/bin/fengsui bench $(ARGS)

campaign: setup  ## drill plays, 24 simulated hours of look-alikes for each hazard: hours, resumable; ARGS="--jobs 8"
	nice -n 19 .venv/bin/fengsui eval drills --hours 24 --report campaign.html $(ARGS)

chaos: setup  ## processes killed while alerts become orders; ARGS="--alerts 10000 --kills 15", "--load", "--sick"
	@.venv/bin/python -m tests.chaos $(ARGS)

setup: $(STAMP)
	@.venv/bin/python -m service.web.build

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed: install it, or make PYTHON=/path/to/it"; exit 1; }
	@echo "1/3 virtual environment in .venv ($(PYTHON))"
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@echo "2/3 packages of requirements.lock (about 1.3 GB on disk, two minutes)"
	@.venv/bin/python -m pip install --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@echo "3/3 fengsui itself, and its console"
	@.venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@.venv/bin/fengsui --help >/dev/null && touch $(STAMP)

lint: setup  ## what tests/repo checks, one by one
	.venv/bin/ruff format --check . && .venv/bin/ruff check . && .venv/bin/mypy && .venv/bin/lint-imports

lock:  ## after a change of pyproject.toml's dependencies; needs the tool uv
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-find-links --no-header --no-emit-package opencv-python \
		--extra dev pyproject.toml -o requirements.lock

train:  ## the shipped weights again into ../training, from ../shared: two hours, resumable; ARGS="--device cuda"
	@test -x .venv-train/bin/python || $(PYTHON) -m venv .venv-train
	.venv-train/bin/python -m pip install --disable-pip-version-check --quiet --editable ".[training]"
	nice -n 19 .venv-train/bin/python -m models.training $(ARGS)

clean:
	rm -rf .venv .venv-train .fengsui build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		service/web/dist service/web/console/node_modules
