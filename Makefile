# Everything happens in .venv, which is made on first use and brought up to date when pyproject.toml changes.
#   make demo    reconstruct the few-view CT sample and show filtered backprojection beside it
#   make test    ruff, mypy and the tests          make slow     the longer tests
#   make format  format, and mend what ruff can    make samples  make data/ anew
#   make bench   the benchmarks of configs/benchmark, with a report each in out/benchmark
#   make clean   remove .venv and every cache; results in out/ stay

PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m

export MPLCONFIGDIR := $(CURDIR)/$(VENV)/cache/matplotlib
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Test workers share the cores; threads of each would only wait for those of the others.
ONE_THREAD := OMP_NUM_THREADS=1

.PHONY: demo test slow format samples bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/runtime
	@$(BIN)/python examples/demo.py

test: $(VENV)/development
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(ONE_THREAD) $(RUN) pytest -n $(WORKERS) -m "not slow and not gpu"

slow: $(VENV)/development
	$(ONE_THREAD) $(RUN) pytest -n $(WORKERS) -m "slow and not gpu"

format: $(VENV)/development
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

samples: $(VENV)/runtime
	$(BIN)/python data/make_samples.py

bench: $(VENV)/runtime
	@failed=0; for file in configs/benchmark/*.yaml; do $(RUN) recon bench "$$file" || failed=1; done; exit $$failed

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache *.egg-info

$(VENV)/runtime: pyproject.toml | $(BIN)/pip
	@echo "Installing recon and what it needs into $(VENV); the first time this downloads torch and takes minutes."
	@$(RUN) pip install --quiet --editable .
	@touch $@

$(VENV)/development: pyproject.toml | $(BIN)/pip
	@echo "Installing recon, what it needs and its test tools into $(VENV); the first time this takes minutes."
	@$(RUN) pip install --quiet --editable ".[test]"
	@touch $@ $(VENV)/runtime

$(BIN)/pip:
	@$(PYTHON) -c "import sys; v = sys.version_info; v >= (3, 11) or sys.exit('recon needs Python 3.11 or newer, and \
	$(PYTHON) is %d.%d; name another one: make $(firstword $(MAKECMDGOALS) demo) PYTHON=python3.12' % v[:2])"
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make environments; on Debian and" \
	"Ubuntu the package python3-venv adds that." >&2; exit 1; }
