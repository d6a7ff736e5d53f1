# Chorus: `make run` to use it, `make test` to check it, `make loop` to see one round in the terminal.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
SEED ?= 0
ROUNDS ?= 1
MODEL ?= starter
RANKINGS ?=
CORPUS ?= training/starter/climate.jsonl
OUT ?= build/loop.json
SHAPES ?= smollm2-135m starter
SEEDS ?= 0 1 2
MINUTES ?= 1

export CHORUS_ENV ?= local
export CHORUS_DATA_DIR ?= $(CURDIR)/var
export CHORUS_PORT ?= 8000
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export HF_HUB_DISABLE_TELEMETRY := 1

.PHONY: help
help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

# Set-up

$(BIN)/python:
	$(PYTHON) -m venv $(VENV) || { echo "Chorus needs Python 3.11 with venv: set PYTHON=/path/to/python3.11"; exit 1; }

# The files name everything, so that nothing comes in that has no hash there. Of torch there are two builds: the
# one without CUDA is a tenth of the size, and pip finds it only where it is told of PyTorch's own index.
INSTALL := $(BIN)/pip install --quiet --require-hashes --no-deps -r

$(VENV)/installed: requirements.txt requirements-cpu.txt requirements-cuda.txt | $(BIN)/python
	echo "Installing what Chorus needs …"
	$(INSTALL) requirements.txt
	$(INSTALL) requirements-cpu.txt 2> /dev/null || $(INSTALL) requirements-cuda.txt
	touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(INSTALL) requirements-dev.txt
	touch $@

$(VENV)/installed-loop: requirements-loop.txt $(VENV)/installed
	$(INSTALL) requirements-loop.txt
	touch $@

$(CHORUS_DATA_DIR)/secret_key: | $(BIN)/python
	mkdir -p $(@D)
	chmod 700 $(@D)
	(umask 077 && $(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))' > $@)

# Use

.PHONY: run
run: $(VENV)/installed $(CHORUS_DATA_DIR)/secret_key ## set everything up and start the site at http://127.0.0.1:8000
	$(MANAGE) collectstatic --noinput --verbosity 0 & collecting=$$!
	$(MANAGE) migrate --verbosity 0
	$(MANAGE) prepare_demo
	wait $$collecting
	exec $(BIN)/honcho --no-colour start

.PHONY: loop
loop: $(if $(filter smollm2,$(MODEL)),$(VENV)/installed-loop,$(VENV)/installed) ## one whole round in the terminal: MODEL=smollm2 SEED= ROUNDS= RANKINGS= CORPUS= OUT=
	scratch=$$(mktemp -d)
	trap 'rm -rf "$$scratch"' EXIT
	starters=$$CHORUS_DATA_DIR/starters
	unset DATABASE_URL
	export CHORUS_ENV=local CHORUS_DATA_DIR=$$scratch
	export CHORUS_SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))')
	$(MANAGE) migrate --verbosity 0
	$(MANAGE) run_loop --model $(MODEL) --seed $(SEED) --rounds $(ROUNDS) $(if $(RANKINGS),--rankings $(RANKINGS)) \
	  --corpus "$(CORPUS)" --starters "$$starters" --out "$(OUT)"

.PHONY: quarter
quarter: $(VENV)/installed-dev ## twelve weeks that run by themselves, with time that is moved: SEED=
	scratch=$$(mktemp -d)
	trap 'rm -rf "$$scratch"' EXIT
	starters=$$CHORUS_DATA_DIR/starters
	unset DATABASE_URL
	export CHORUS_ENV=local CHORUS_DATA_DIR=$$scratch DJANGO_SETTINGS_MODULE=config.settings
	export CHORUS_SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))')
	$(MANAGE) migrate --verbosity 0
	$(BIN)/python -m benchmarks.quarter --seed $(SEED) --starters "$$starters"

# Measure

.PHONY: bench-reward
bench-reward: BASE ?= $(shell ls -dt $(CHORUS_DATA_DIR)/starters/*/ 2> /dev/null | head -n 1)
bench-reward: $(VENV)/installed ## the reward stage against TRL's trainer: BASE= SEEDS= ARGS=
	test -n "$(BASE)" || { echo "No starter model yet: \`make loop\` makes one, or set BASE=folder."; exit 1; }
	$(BIN)/python -m benchmarks.reward --base "$(BASE)" --seeds $(SEEDS) $(ARGS)

# The last TRL with a PPOTrainer, in an environment of its own.
TRL_PPO := build/trl-1.12
$(TRL_PPO)/bin/python:
	$(PYTHON) -m venv $(TRL_PPO)
	$(TRL_PPO)/bin/pip install --quiet trl==1.12.0 peft==0.21.0 transformers==5.23.0 "$$(grep -oE '^torch==[0-9.]+' requirements-cuda.txt)"

.PHONY: bench-ppo
bench-ppo: $(VENV)/installed $(TRL_PPO)/bin/python ## PPO against TRL's last PPOTrainer: time and memory; ARGS= (SHAPES= of both)
	for shape in $(SHAPES); do $(BIN)/python -m benchmarks.ppo --shape $$shape $(ARGS); done

.PHONY: bench-learning
bench-learning: $(VENV)/installed $(TRL_PPO)/bin/python ## whether PPO and TRL's learn alike: reward and KL along the way; ARGS=
	$(BIN)/python -m benchmarks.ppo_learning $(ARGS)

.PHONY: bench-critic
bench-critic: $(VENV)/installed ## PPO with other critics than the engine's: explained variance, reward, cost; ARGS=
	$(BIN)/python -m benchmarks.critic $(ARGS)

.PHONY: bench-sft
bench-sft: $(VENV)/installed ## the sft stage against TRL's own script: ARGS=
	$(BIN)/python -m benchmarks.sft $(ARGS)

.PHONY: bench-generate
bench-generate: $(VENV)/installed ## sampling against transformers' generate, and the whole stage: ARGS=
	$(BIN)/python -m benchmarks.generate $(ARGS)

.PHONY: bench-beside
bench-beside: $(VENV)/installed ## the ranking page with 8 volunteers, idle and beside a training: ARGS=
	$(BIN)/python -m benchmarks.beside_training $(ARGS)

.PHONY: bench-desk
bench-desk: $(VENV)/installed ## next and submit by 32 volunteers at once, on SQLite and PostgreSQL: ARGS=
	$(BIN)/python -m benchmarks.desk $(ARGS)

.PHONY: bench-desk-page
bench-desk-page: $(VENV)/installed-dev chromium ## the ranking page opened for the first time: bytes, requests, seconds; ARGS=
	$(BIN)/python -m benchmarks.desk_page $(ARGS)

.PHONY: bench-pages
bench-pages: $(VENV)/installed ## pages that count 100,000 judgments: processor seconds of a request; ARGS=
	$(BIN)/python -m benchmarks.pages $(ARGS)

.PHONY: bench-gate
bench-gate: $(VENV)/installed ## the blind test's stopping rule beside others: false releases, power, votes; ARGS=
	$(BIN)/python -m benchmarks.gate $(ARGS)

.PHONY: bench-quality
bench-quality: $(VENV)/installed-dev ## consensus and other statistics of votes, simulated and real, against their bars; ARGS=
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.quality $(ARGS)

# 13 needs a newer node than Debian's; nothing it would fetch beside itself is wanted.
LIGHTHOUSE := build/lighthouse-12.8.2
$(LIGHTHOUSE)/node_modules/.bin/lighthouse:
	PUPPETEER_SKIP_DOWNLOAD=1 npm install --prefix $(LIGHTHOUSE) --silent --no-audit --no-fund --ignore-scripts lighthouse@12.8.2

.PHONY: bench-sampling
bench-sampling: $(VENV)/installed ## votes saved by choosing what is compared, at equal win rate; ARGS=
	$(BIN)/python -m benchmarks.sampling $(ARGS)

.PHONY: bench-lighthouse
bench-lighthouse: $(VENV)/installed $(LIGHTHOUSE)/node_modules/.bin/lighthouse chromium ## Lighthouse on the pages that volunteers meet first; ARGS=
	$(BIN)/python -m benchmarks.lighthouse --lighthouse $(LIGHTHOUSE)/node_modules/.bin/lighthouse $(ARGS)

# Check

.PHONY: test
test: lint test-sqlite test-postgres ## everything that checks the project

.PHONY: lint
lint: export CHORUS_SECRET_KEY := only-for-checks-that-store-nothing-0123456789-abcdefghijk
lint: $(VENV)/installed-dev ## style, types, import arrows, migrations, templates, deployment settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djade --check --target-version 5.2 $$(git ls-files 'templates/*.html')
	$(BIN)/lint-imports
	$(MANAGE) makemigrations --check --dry-run
	CHORUS_ENV=production CHORUS_HOSTS=chorus.example $(MANAGE) check --deploy --fail-level WARNING
	$(MANAGE) spectacular --validate --fail-on-warn --file /dev/null
	$(BIN)/mypy

.PHONY: test-sqlite
test-sqlite: $(VENV)/installed-dev chromium gettext systemd ## every test, on SQLite
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup

# What asks no database, or asks it nothing that other tests do not.
ONCE := tests/rlhf tests/server tests/test_growth.py tests/training/test_demonstration.py \
  tests/training/serving/test_server_process.py

.PHONY: test-postgres
test-postgres: $(VENV)/installed-dev chromium gettext systemd ## the site's tests on a throw-away PostgreSQL
	OMP_NUM_THREADS=1 .ci/with-postgres $(BIN)/pytest -n 2 --dist loadgroup \
	  $(addprefix --ignore=,$(ONCE)) --ignore-glob 'tests/browser/test_page_*'

.PHONY: drill
drill: $(VENV)/installed-dev nginx ## harm done to a real site, and what came of it: MINUTES= of the long ones, ARGS=
	drill="$(BIN)/pytest tests/drills -s --minutes $(MINUTES)"
	$$drill $(ARGS)
	.ci/with-postgres $$drill -m both_databases $(ARGS) || [ $$? = 5 ]  # ARGS leave none of them

.PHONY: bench-overoptimisation
bench-overoptimisation: $(VENV)/installed ## gold and proxy reward against KL, long: table and picture in docs/; ARGS=
	$(BIN)/python -m benchmarks.overoptimisation $(ARGS)

.PHONY: screenshots
screenshots: $(VENV)/installed-dev chromium ## pictures of every page of the site that `make run` serves meanwhile
	DJANGO_SETTINGS_MODULE=config.settings $(BIN)/python -m tests.browser.screenshots

# The compiled files are kept with the sources, so that whoever runs the site needs no gettext.
.PHONY: messages
messages: export CHORUS_SECRET_KEY := only-for-commands-that-store-nothing-0123456789-abcdefghijk
messages: $(VENV)/installed gettext ## collect what is to be translated into locale/*.po, and compile what is
	$(MANAGE) makemessages --all --no-location --no-wrap --no-obsolete \
	  --ignore build --ignore var --ignore tests --ignore benchmarks
	$(MANAGE) compilemessages --ignore .venv

.PHONY: gettext
gettext:
	command -v xgettext > /dev/null || .ci/install-debian gettext

.PHONY: nginx
nginx:
	command -v nginx > /dev/null || .ci/install-debian nginx

.PHONY: systemd
systemd:
	command -v systemd-analyze > /dev/null || .ci/install-debian systemd

.PHONY: chromium
chromium:
	command -v chromium > /dev/null || .ci/install-debian chromium

# Unlike pip, uv reads neither this machine's own packages nor its settings: the hashes are the public index's.
UV := build/uv-0.13.9
$(UV)/bin/uv:
	$(PYTHON) -m venv $(UV)
	$(UV)/bin/pip install --quiet uv==0.13.9

COMPILE = $(UV)/bin/uv pip compile --quiet --generate-hashes --no-annotate --no-header \
  --python-version 3.11 --python-platform x86_64-manylinux_2_28 $(UPGRADE)

.PHONY: requirements
requirements: $(UV)/bin/uv ## pin anew what the .in files name, with hashes; UPGRADE=--upgrade takes newer versions
	$(COMPILE) requirements.in --no-emit-package torch -o requirements.txt
	for part in web dev loop; do $(COMPILE) requirements-$$part.in -c requirements.txt -o requirements-$$part.txt; done
	$(COMPILE) --no-config requirements-cuda.in -c requirements.txt -o requirements-cuda.txt

CYCLONEDX := build/cyclonedx-7.3.0
$(CYCLONEDX)/bin/cyclonedx-py:
	$(PYTHON) -m venv $(CYCLONEDX)
	$(CYCLONEDX)/bin/pip install --quiet cyclonedx-bom==7.3.0

.PHONY: sbom
sbom: $(VENV)/installed $(CYCLONEDX)/bin/cyclonedx-py ## the installed packages with their licences, as CycloneDX, in build/sbom.json
	$(CYCLONEDX)/bin/cyclonedx-py environment --output-reproducible -o build/sbom.json $(BIN)/python
