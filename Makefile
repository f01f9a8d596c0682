# Two commands for a fresh machine:  make train    make test
# Each makes .venv, installs nnpy, fetches the data and does its job; a second call skips
# what is there. PYTHON chooses the interpreter (3.11 to 3.13).

PYTHON ?= python3
BIN = .venv/bin
DATA = /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz

.PHONY: train test test-long bench ladder stress stress-faults stress-files stress-workers scaling gpu lint format catalog schema roundtrip exports data clean

train: $(BIN)/.installed data
	$(BIN)/nnpy train configs/mlp.yaml

test: $(BIN)/.developer data
	$(BIN)/pytest -n 2 --dist loadfile

test-long: $(BIN)/.developer data    ## the long forms that make test leaves out
	$(BIN)/pytest -m slow

stress: $(BIN)/.developer     ## kills trainings a hundred times and resumes them: some 20 minutes
	$(BIN)/python tests/support/stress.py --kills 105

stress-faults: $(BIN)/.developer     ## a disk that fails at each place, signals at each moment: an hour
	$(BIN)/python -m tests.support.stress_faults

stress-files: $(BIN)/.developer    ## opens mutants of every kind of file, trains mutants of configs: two hours
	$(BIN)/python -m tests.support.stress_files --cases 2000
	$(BIN)/python -m tests.support.stress_files --every-byte small-keras small-h5 \
	  small-config state npz npz-array summary environment metrics png npy gz idx labels
	$(BIN)/python -m tests.support.stress_configs --cases 3000 --trainings 150

stress-workers: $(BIN)/.developer    ## kills and stops workers of a shared training: half an hour
	$(BIN)/python -m tests.support.stress_workers --kills 20

lint: $(BIN)/.developer
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(BIN)/.developer
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(BIN)/.installed data    ## nnpy beside model.fit (and PyTorch with TORCH=its python, JAX=)
	$(BIN)/python benchmarks/run.py $(if $(TORCH),--torch-python $(TORCH)) $(if $(JAX),--jax-python $(JAX))

ladder: $(BIN)/.installed data    ## all networks of docs/results.md, hours; one with ROW=cnn
	$(BIN)/python -m benchmarks.ladder $(ROW)

scaling: $(BIN)/.installed data    ## the tables of docs/scaling.md: 1, 2 and 4 workers, and a model of more
	$(BIN)/python benchmarks/scaling.py

gpu: $(BIN)/.installed data    ## model.fit beside nnpy on a GPU, and whether both learn the same
	$(BIN)/python benchmarks/gpu.py

exports: $(BIN)/.developer data    ## the table of docs/export.md: every kind of model in every format
	$(BIN)/python benchmarks/exports.py

catalog: $(BIN)/.installed    ## what the installed Keras has, for `nnpy check`
	$(BIN)/python -m nnpy.catalog.build

schema: $(BIN)/.installed    ## the config language for editors, named by the configs
	$(BIN)/nnpy schema > configs/schema.json

roundtrip: $(BIN)/.developer    ## every model of keras.applications to YAML and back, bit for bit
	$(BIN)/python -m tests.support.roundtrip

# Debian's package where we may install it; elsewhere nnpy downloads the data when it trains.
data:
	@test -f $(DATA) || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null || \
	  { apt-get install -y -q dataset-fashion-mnist || \
	    { apt-get update -q && apt-get install -y -q dataset-fashion-mnist; } || \
	    echo "the package dataset-fashion-mnist could not be installed; nnpy will download" >&2; }

$(BIN)/python:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || test "$$(id -u)" != 0 || \
	  ! command -v apt-get >/dev/null || \
	  { apt-get update -q && apt-get install -y -q python3-venv; }
	$(PYTHON) -m venv .venv

$(BIN)/.installed: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(BIN)/.developer: $(BIN)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache
