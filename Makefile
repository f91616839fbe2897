# make run    sets up .venv and runs the main job
# make test   sets up .venv with the development tools and runs the tests
# The plain lines that these stand for are in README.md. Another interpreter: make run PYTHON=python3.12

PYTHON ?= python3
RUN = .venv/bin/python

.PHONY: run test clean

run: .venv/installed
	$(RUN) -m robustfit loss=huber outliers=0.1

test: .venv/installed-dev
	$(RUN) -m pytest -n auto -q

.venv/installed: pyproject.toml constraints.txt | $(RUN)
	$(RUN) -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/installed-dev: pyproject.toml constraints.txt | $(RUN)
	$(RUN) -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@ .venv/installed

$(RUN):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11) or sys.version_info[:2] > (3, 13))' || \
	  { echo "robustfit needs Python 3.11, 3.12 or 3.13; '$(PYTHON)' is not. Try: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "'$(PYTHON)' cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv

clean:
	rm -rf .venv build dist
