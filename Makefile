# Everything goes through .venv, which is made from requirements.lock when that or pyproject.toml changes.
# Another interpreter: make setup PYTHON=/path/to/python3.11

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3))

.DEFAULT_GOAL := help
.PHONY: help demo setup test imagenet large lint format types package check bench peers sweep cards pictures lock clean

help:  ## say what can be made
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

demo: setup  ## export MobileNet v1 to int8 .tflite and .onnx, with the proof
	$(BIN)/zoo-export mobilenet --int8

setup: $(READY)  ## make .venv; nothing happens when it is up to date

# A thread for each process of tests: more of them would wait for each other, and some libraries wait by spinning.
ONE_THREAD := TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

SPREAD := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
SPREAD_EVENLY := -n auto --maxprocesses 4 --dist worksteal

test: setup  ## run the quick tests; their times go to build/test.xml
	$(ONE_THREAD) $(BIN)/python -m pytest $(SPREAD) --junitxml build/test.xml

imagenet: setup  ## run the tests that need ImageNet weights, and ZOO_IMAGENET_SAMPLE for accuracy
	$(BIN)/python -m pytest -m imagenet

# SHARD=3/10 runs the third of ten parts; times go to build/large-3.xml, of all parts to build/large.xml.
large: setup  ## run all other tests, or a part of them: make large SHARD=3/10
	$(ONE_THREAD) $(BIN)/python -m pytest -m large $(SPREAD_EVENLY) $(if $(SHARD),--shard $(SHARD)) \
		--junitxml build/large$(if $(SHARD),-$(firstword $(subst /, ,$(SHARD)))).xml

lint: setup  ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: setup  ## ruff: repair what can be repaired
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: setup  ## mypy, strict
	$(BIN)/mypy

# The light half: what a device needs, in the versions of the lock, without TensorFlow and outside of this folder.
package: setup  ## build the package for PyPI, check it, and run it where nothing else is installed
	rm -rf build/package && mkdir -p build/package
	$(BIN)/python -m build --no-isolation --outdir build/package . >build/package/build.log || \
		{ tail -30 build/package/build.log >&2; exit 1; }
	$(BIN)/python -m twine check --strict build/package/zoo_export-*
	"$(PYTHON)" -m venv build/package/light
	sed -n 's/^\([a-z0-9-]*==.*[^ ]\) *\\$$/\1/p' requirements.lock >build/package/versions.txt
	build/package/light/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: \
		--constraint build/package/versions.txt build/package/zoo_export-*.whl
	cd build/package && light/bin/zoo list >list.txt && light/bin/zoo show lenet5 >>list.txt && \
		light/bin/zoo show lenet5 --code >program.py && grep -q '^mobilenet ' list.txt

check: lint types package test  ## all that the continuous integration runs

bench: setup  ## measure speed, memory and accuracy; prints tables
	$(BIN)/python -m benchmarks

peers: setup  ## int8 accuracy compared with other tools, into docs/int8_accuracy.md; needs ZOO_IMAGENET_SAMPLE
	$(BIN)/python -m benchmarks peers

sweep: setup  ## export every architecture at full size and every tiny variant, into docs/zoo.md; takes an hour or two
	$(BIN)/python -m benchmarks sweep

cards: setup  ## run the Python on the cards of the zoo and draw their diagrams again
	$(BIN)/python -m benchmarks cards

pictures: setup  ## export MobileNet and draw the pictures of the README; needs Chromium
	$(BIN)/python -m benchmarks pictures

$(READY): requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' || { \
		echo "error: Python 3.11 or 3.12 is needed; on Debian 12 type: apt-get install python3-venv" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "error: Python's venv module is missing; on Debian type: apt-get install python3-venv" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: \
		--require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# uv asks UV_DEFAULT_INDEX, where it is set, instead of PyPI. UPGRADE=--upgrade takes newer versions.
# The versions alone go into the package: an installed `zoo doctor` knows them without the lock.
lock:  ## resolve requirements.lock anew
	"$(PYTHON)" -m venv build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	build/lock/bin/uv pip compile pyproject.toml --extra export --extra ray --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-annotate --quiet $(UPGRADE) --output-file requirements.lock
	sed -n 's/^\([a-z0-9-]*==[^ ]*\) .*/\1/p' requirements.lock > export/cli/doctor/tested_versions.txt

clean:  ## remove what was made, except artifacts
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
