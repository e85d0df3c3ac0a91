# `make run` and `make test` do everything from a bare checkout.
PYTHON ?= python3
export PORT ?= 8000
export DATA_DIR ?= data
# What Python has compiled it keeps: some hundred processes of a run begin with it.
unexport PYTHONDONTWRITEBYTECODE

# What runs a second time on PostgreSQL: every test that uses a database and asks it for more than who is signed in. Of
# what members, owners and operators do, every form is sent with anything, and the log; in a browser, that nothing is lost.
# Of pages each is asked for with a hundred of everything in it (tests/test_statements.py); what one says, where it leads
# and whom it refuses by a role or without a session is decided after the database has answered (the mark `alike`).
# (`TEST_DATABASE=postgresql .venv/bin/python -m pytest` runs all.)
PUSHED = tests/browser/test_nothing_lost.py
ON_POSTGRESQL = -m "not alike" tests $(addprefix --ignore=tests/,web files server bench operators cli/test_command_line.py test_ways_back.py \
	$(addprefix accounts/test_,rights.py whose_page.py) $(addprefix chat/test_,limits.py outsiders.py pages.py) editing/test_ended_sessions.py live/test_socket.py \
	$(addprefix notifications/test_,inbox.py mails.py) \
	$(addprefix deploy/test_,caddy.py nginx.py systemd.py) $(addprefix gateway/test_,client_libraries.py in_a_browser.py own_channels.py over_processes.py) \
	$(addprefix faults/test_,autobahn.py cookies.py frames.py half_open.py handshakes.py rolling.py stopped.py storm.py)) \
	$(addprefix --ignore=,$(filter-out tests/tenants/test_audit.py,$(wildcard tests/tenants/test_*.py))) \
	$(addprefix --ignore=,$(filter-out $(PUSHED),$(wildcard tests/browser/test_*.py)))

# Most tests wait for a server or a browser most of the time: three files at once, also on two cores. They are begun in
# their order, and not those of many tests first: these are the quick ones, and fill up the end.
AT_ONCE = -n 3 --dist loadfile --no-loadscope-reorder

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
	.venv/bin/python -m pytest $(AT_ONCE) $(TESTS)
	TEST_DATABASE=postgresql .venv/bin/python -m pytest $(AT_ONCE) $(or $(TESTS),$(ON_POSTGRESQL))

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
