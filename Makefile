# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
CORES ?= 2
RUN = PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

.PHONY: demo test bench lint lock schema clean

# From Pythia to networks that are measured, then to shards of real Delphes events that come with the repository.
demo: $(VENV)/.models
	$(RUN) snakemake --cores $(CORES)
	$(RUN) snakemake --cores $(CORES) --configfile workflow/config/real.yaml
	@cat results/demo/summary/summary.md
	@cat results/demo/networks/evaluation/evaluation.md
	@echo "Simulated events: results/demo/{dataset,summary,pictures,validation,networks}; real Delphes events: results/real/..."

test: $(VENV)/.models
	$(RUN) pytest -n $(CORES) --dist loadfile

# Every figure of docs/benchmarks.md beside its rival; some minutes, on a machine that does nothing else.
bench: $(VENV)/.models
	$(RUN) python -m benchmarks --output results/benchmarks

lint: $(VENV)/.models
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) snakefmt --check Snakefile workflow
	$(RUN) mypy
	$(RUN) snakemake --lint

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

# Making data needs no torch; training and the tests do. It has to stay the CPU build.
$(VENV)/.models: $(VENV)/.installed requirements-models.lock
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements-models.lock
	touch $@

# After a change of the dependencies in pyproject.toml; requirements-models.lock has what only the models need.
lock:
	$(VENV)/bin/pip install --quiet pip-tools
	$(VENV)/bin/pip-compile --quiet --extra simulation --extra workflow --extra release --extra test \
		--extra dev --strip-extras --no-annotate --no-header \
		--no-emit-index-url --no-emit-find-links --output-file requirements.lock pyproject.toml

schema: $(VENV)/.installed
	$(VENV)/bin/python -m workflow.campaign.config > workflow/config/schema.json

clean:
	rm -rf results .snakemake
