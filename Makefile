# `make run` and `make test` do everything from a bare checkout.
PYTHON ?= python3
export PORT ?= 8000
export DATA_DIR ?= data
# What Python has compiled it keeps: some hundred processes of a run begin with it.
unexport PYTHONDONTWRITEBYTECODE

# Both databases in one run (tests/both_databases.py): two of its processes have SQLite, one PostgreSQL. Most tests wait
# for a server or a browser now and then: three files at once, also on two cores. With more a browser waits so long for
# the processor that tests take it for stuck. They are begun in their order, with the files that need a browser spread among
# the others, and not those of many tests first: these are the quick ones, and fill up the end.
AT_ONCE = --tx '2*popen//env:TEST_DATABASE=sqlite' --tx '1*popen//env:TEST_DATABASE=postgresql' --dist loadfile --no-loadscope-reorder

# Between two edits: neither the program's processes nor a browser, and not what plays for long.
FAST = --in-process tests $(addprefix --ignore=tests/,bench browser deploy faults database/test_move.py \
	$(addprefix editing/test_,races.py state_machine.py) notifications/test_always_told.py records/test_state_machine.py tenants/test_hashing_last.py \
	files/test_decoding.py)

.PHONY: run test test-fast faults check format bench bench-quick lock messages pictures docs image clean

run: .venv/installed
	.venv/bin/python -m app demo --serve

test: .venv/installed-dev
	tests/install-system-packages
	$(MAKE) --no-print-directory tests/gateway/node_modules/.package-lock.json
	.venv/bin/python -m pytest $(AT_ONCE) $(or $(TESTS),--chosen)

test-fast: .venv/installed-dev
	.venv/bin/python -m pytest -n 2 --dist loadfile $(FAST)

# Every fault as often as docs/reliability.md says, on both databases: about an hour, as root; `make test` does a few of each.
faults: .venv/installed-dev
	tests/install-system-packages
	FAULTS=full .venv/bin/python -m pytest -rA $(or $(TESTS),tests/faults tests/database tests/live/test_bus.py)
	FAULTS=full TEST_DATABASE=postgresql .venv/bin/python -m pytest $(or $(TESTS),tests/faults)

check: .venv/installed-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: .venv/installed-dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: .venv/installed-dev
	.venv/bin/python bench/report.py
	.venv/bin/python bench/gateway.py
	.venv/bin/python bench/clicks.py

# A minute: what a change does to pages and writes, beside the last commit.
bench-quick: .venv/installed-dev
	.venv/bin/python bench/quick.py

# The pictures of the documents and of the front door, from the demo, in both languages. They have the time of the day in them: what has not
# changed otherwise need not be committed.
pictures: .venv/installed-dev
	tests/install-system-packages
	.venv/bin/python -m tools.pictures

# The documents as a site, in build/site. A link that leads nowhere is an error. The generator has an environment of its
# own: what it needs is nothing that the program or its tests need.
docs: build/docs-venv/installed
	$(PYTHON) tools/site.py
	build/docs-venv/bin/zensical build --clean --strict

build/docs-venv/installed: requirements-docs.txt
	test -x build/docs-venv/bin/python || $(PYTHON) -m venv build/docs-venv
	build/docs-venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-docs.txt
	touch $@

# The image of the Dockerfile, without Docker: as root on Debian, in five to ten minutes.
image:
	deploy/image.sh

# Pinned versions with hashes: requirements.txt runs the program, requirements-dev.txt adds what tests need,
# requirements-build.txt makes the wheel, and requirements-docs.txt the site of the documents.
lock: .venv/installed-dev
	.venv/bin/pip install --quiet uv
	.venv/bin/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url \
		--python-version 3.11 pyproject.toml -o requirements.txt
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
		--python-version 3.11 --group dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
		--python-version 3.11 --group build -c requirements-dev.txt -o requirements-build.txt
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
		--python-version 3.11 --group docs -c requirements-dev.txt -o requirements-docs.txt

# Collects the texts of the program into the template, and the template into each translation, whose header is ours:
# Babel's is full of dates and empty places.
TRANSLATION = app/locale/pt_BR/LC_MESSAGES/messages.po
messages: .venv/installed-dev
	.venv/bin/pybabel --quiet extract -F babel.cfg -k _l -k _ln:1,2 -k fail --no-location --omit-header -o app/locale/messages.pot app
	sed '/^$$/q' $(TRANSLATION) > $(TRANSLATION).header
	.venv/bin/pybabel --quiet update --no-fuzzy-matching --ignore-obsolete --omit-header \
		-i app/locale/messages.pot -d app/locale -l pt_BR
	cat $(TRANSLATION) >> $(TRANSLATION).header
	mv $(TRANSLATION).header $(TRANSLATION)

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer with venv is needed (on Debian: apt install python3 python3-venv)"; exit 1; }
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

# The client libraries that the gateway is tested with, as they were pinned.
tests/gateway/node_modules/.package-lock.json: tests/gateway/package-lock.json
	cd tests/gateway && npm ci --no-audit --no-fund --silent
	touch $@

clean:
	rm -rf .venv data build tests/gateway/node_modules
