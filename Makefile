# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
CORES ?= 2
# Modules are compiled when they are first imported, not all of them now. Images of containers often forbid Python to keep
# what it compiled; then each of our short commands would compile awkward, numba and matplotlib again, for seconds.
unexport PYTHONDONTWRITEBYTECODE
INSTALL = $(VENV)/bin/pip install --quiet --disable-pip-version-check --no-compile
RUN = PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

.PHONY: demo test docs bench lint lock schema pages pictures clean

# From Pythia to shards, a network that is measured, and a report.
demo: $(VENV)/.models
	$(RUN) snakemake --cores $(CORES)
	@echo "Open results/demo/report.html"

# In the order of tests/conftest.py, whole workflows first: xdist would keep files of few tests, these, for the end.
test: $(VENV)/.remote
	$(RUN) pytest -n $(CORES) --dist loadfile --no-loadscope-reorder

# The docs as a site; a link that leads nowhere is an error.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(RUN) python -m mkdocs build
	@echo "Open site/index.html; with search: $(VENV)/bin/python -m http.server --directory site"

# Every figure of docs/benchmarks.md beside its rival; some minutes, on a machine that does nothing else.
bench: $(VENV)/.models
	$(RUN) python -m benchmarks --output results/benchmarks

lint: $(VENV)/.docs
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) snakefmt --check Snakefile workflow
	$(RUN) mypy
	$(RUN) snakemake --lint

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

# Making data needs no torch; training and the tests do. PyTorch's own CPU build where pip finds it, else PyPI's torch.
$(VENV)/.models: $(VENV)/.installed requirements-models.lock requirements-torch-cpu.lock requirements-torch.lock
	$(INSTALL) --require-hashes -r requirements-models.lock -r requirements-torch-cpu.lock || \
	$(INSTALL) --require-hashes -r requirements-models.lock -r requirements-torch.lock
	touch $@

$(VENV)/.docs: $(VENV)/.models requirements-docs.lock
	$(INSTALL) --require-hashes -r requirements-docs.lock
	touch $@

$(VENV)/.remote: $(VENV)/.docs requirements-remote.lock
	$(INSTALL) --require-hashes -r requirements-remote.lock
	touch $@

# After a change of the dependencies in pyproject.toml. `make lock UPGRADE=--upgrade` takes the newest versions.
lock: $(VENV)/.installed
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet --disable-pip-version-check uv
	PATH="$(CURDIR)/$(VENV)/lock/bin:$$PATH" $(VENV)/bin/python -m tools.lock $(UPGRADE)

schema: $(VENV)/.installed
	$(VENV)/bin/python -m workflow.campaign.config > workflow/config/schema.json

# What programs write of the docs: picture and table of rooms, dependencies, configuration. A test holds them.
pages: $(VENV)/.models
	$(VENV)/bin/python -m tools.architecture
	$(VENV)/bin/python -m tools.dependencies
	$(VENV)/bin/python -m tools.configuration

# Pictures of the docs, as the commands draw them. `make pictures OPTIONS="--delphes FOLDER"`: see tools/pictures.py.
pictures: $(VENV)/.models
	$(RUN) python -m tools.pictures $(OPTIONS)

clean:
	rm -rf results .snakemake
