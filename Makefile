# Every command of the book. `make help` lists them.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

# The one place where the number of threads is set: two processes with two threads each are several times
# slower than with one. Override for a single long run: make refresh OMP_NUM_THREADS=8
export OMP_NUM_THREADS ?= 1
# Linux's malloc gives large blocks back at once and asks for them anew at each training step. Keeping them, those of
# up to 32 MB, and asking for pages of 2 MB saves a good part of the time wherever a page fault is dear.
export MALLOC_TRIM_THRESHOLD_ ?= 8000000000
export MALLOC_TOP_PAD_ ?= 200000000
export MALLOC_MMAP_THRESHOLD_ ?= 33554432
export GLIBC_TUNABLES ?= glibc.malloc.hugetlb=1

.DEFAULT_GOAL := help
.PHONY: help book test serve lab refresh bench clean setup

help: ## list the commands
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup:
	@$(PYTHON) tools/setup_venv.py

book: setup ## install what is needed, execute the chapters, build the site into _build/html
	@$(PY) tools/build.py

test: setup ## build the site, then run every test: code, chapters (nbval) and the site in headless Chromium
	@$(PY) tools/test.py

serve: book ## serve the built site on http://127.0.0.1:8000 (another port: PORT=8080)
	@$(PY) -m http.server --bind 127.0.0.1 --directory _build/html $(or $(PORT),8000)

lab: setup ## open the chapters in JupyterLab, with live figures and a kernel
	@$(PY) -m jupyter lab chapters

refresh: setup ## re-execute the chapters, store their text outputs, stamp REPOSITORY=https://github.com/…
	@$(PY) tools/notebooks.py refresh $(if $(REPOSITORY),--repository $(REPOSITORY))

bench: setup ## print the benchmarks' ratios against their peers
	@for script in benchmarks/*.py; do echo "== $$script"; $(PY) $$script || exit 1; done

clean: ## remove what was built (not the installed packages)
	rm -rf _build
